"""Keep dependencies offline: no usage statistics, no unasked downloads.

Children inherit the variables. The package applies them on import, because onnxruntime sends usage statistics from the
moment that it is imported, and its own function to disable them comes too late.
"""

import os

NO_TELEMETRY = {
    "DO_NOT_TRACK": "1",  # the common one, which huggingface_hub reads too
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: Microsoft's collector, and an identifier left on the disk
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub and transformers: versions and environment in each request
    "HF_XET_TELEMETRY_ENABLED": "0",  # hf_xet: statistics of each transfer
}
"""Variables that the dependencies know, by what they are set to; a value of the user that allows more is replaced."""
OFFLINE = "SENTIPRISM_OFFLINE"
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def forbid_telemetry() -> None:
    """Set the variables for this process and its children; where the user is offline, the Hugging Face hub's too."""
    os.environ.update(NO_TELEMETRY)
    if _given() not in NO:  # what is neither yes nor no is refused when it is first asked for, and forbids until then
        os.environ["HF_HUB_OFFLINE"] = "1"


def offline() -> bool:
    """Return whether ``SENTIPRISM_OFFLINE`` forbids every connection.

    Raises:
        UserError: its value is neither yes nor no.
    """
    if _given() not in (*YES, *NO):
        from sentiprism.errors import UserError  # here, so that importing the package costs nothing

        raise UserError(f"{OFFLINE}={os.environ[OFFLINE]!r} is neither yes nor no", "set it to 1 or 0")
    return _given() in YES


def _given() -> str:
    return os.environ.get(OFFLINE, "").strip().lower()
