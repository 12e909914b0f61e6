"""Read and write tensors as safetensors."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError
from sentiprism.reading import check_regular

if TYPE_CHECKING:
    from torch import Tensor


def save_tensors(path: Path, tensors: Mapping[str, "Tensor"], header: dict[str, str] | None = None) -> None:
    """Write a safetensors file; its mode follows the umask, and a full disk is an `OSError`, as for any other file.

    Args:
        path: not atomic by itself: a temporary one.
        tensors: by name, on any device.
        header: texts for the file's header.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    path.touch()
    mode = path.stat().st_mode
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path, header)
        path.chmod(mode)  # it writes a file that is for its owner alone, and renames that
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None


@contextmanager
def open_tensors(path: Path, framework: str = "pt") -> Iterator[Any]:
    """Yield an open safetensors file, of which nothing but the header is read yet.

    Args:
        path: the file.
        framework: "pt" gives torch's tensors; "np" does without torch.

    Raises:
        UserError: as `reading.open_regular`; or it is not a whole safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    check_regular(path, what="safetensors file")
    try:
        opened = safe_open(path, framework)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}", "get a whole copy of it") from None
    with opened as file:
        try:
            yield file
        except SafetensorError as error:
            raise UserError(f"{path} is damaged: {error}", "get a whole copy of it") from None
