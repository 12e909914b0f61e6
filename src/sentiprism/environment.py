"""Keep dependencies offline: no usage statistics, no downloads without request.

Child processes inherit the variables. The package sets them on import, because onnxruntime sends usage statistics as
soon as it is imported, before its own function to disable them can be called.
"""

import os

NO_TELEMETRY = {
    "DO_NOT_TRACK": "1",  # the common one, which huggingface_hub reads too
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: usage statistics for Microsoft, and an identifier on the disk
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub and transformers: versions and environment in each request
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray: each cluster's machines and libraries
    "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9",  # where Ray would report that statistics are off
    "HF_XET_TELEMETRY_ENABLED": "0",  # hf_xet: statistics of each transfer
}
"""Environment variables of dependencies with the values to set; less strict values of the user are replaced."""
OFFLINE = "SENTIPRISM_OFFLINE"
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def forbid_telemetry() -> None:
    """Set the variables for this process and its children; in offline mode, also the Hugging Face hub's."""
    os.environ.update(NO_TELEMETRY)
    if _given() not in NO:  # an invalid value counts as offline; `offline` raises its error
        os.environ["HF_HUB_OFFLINE"] = "1"


def offline() -> bool:
    """Return whether ``SENTIPRISM_OFFLINE`` forbids every connection.

    Raises:
        UserError: its value is neither yes nor no.
    """
    if _given() not in (*YES, *NO):
        from sentiprism.errors import UserError  # here, so that importing the package is fast

        raise UserError(f"{OFFLINE}={os.environ[OFFLINE]!r} is neither yes nor no", "set it to 1 or 0")
    return _given() in YES


def _given() -> str:
    return os.environ.get(OFFLINE, "").strip().lower()
