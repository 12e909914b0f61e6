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
    """Write a safetensors file with the umask's permissions; a full disk raises `OSError`.

    Args:
        path: a temporary path, because writing is not atomic.
        tensors: tensors by name, on any device.
        header: texts for the file's header.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    path.touch()
    mode = path.stat().st_mode
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path, header)
        path.chmod(mode)  # safetensors restricts the file to its owner
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None


@contextmanager
def open_tensors(path: Path, framework: str = "pt") -> Iterator[Any]:
    """Open a safetensors file as a context, reading only its header.

    Args:
        path: the file.
        framework: "pt" for torch tensors; "np" does not need torch.

    Raises:
        UserError: as `reading.open_regular`; or it is not a complete safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    check_regular(path, what="safetensors file")
    try:
        opened = safe_open(path, framework)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}", "get a complete copy of it") from None
    with opened as file:
        try:
            yield file
        except SafetensorError as error:
            raise UserError(f"{path} is damaged: {error}", "get a complete copy of it") from None
