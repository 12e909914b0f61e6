"""sentiprism: multimodal sentiment analysis, from a dataset file to an honest number.

Names of the public API are resolved on first use, so that importing the package costs nothing::

    import sentiprism as sp
    dataset = sp.load_dataset("mosi")
    run = sp.train("mdf", dataset, seeds=5)
    print(sp.evaluate(run, split="test"))
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiprism.environment import forbid_telemetry
from sentiprism.lazy import imported_names

if TYPE_CHECKING:
    from sentiprism.public import *  # noqa: F403 - all public names

__version__ = "0.2.0"

_API = imported_names(Path(__file__).with_name("public.py"))
__all__ = ["__version__", *_API]  # noqa: PLE0604 - the names are the keys of `_API`

forbid_telemetry()


if not TYPE_CHECKING:  # a checker would take every name for Any

    def __getattr__(name: str) -> Any:
        if name not in _API:
            raise AttributeError(f"module 'sentiprism' has no attribute {name!r}; it has {', '.join(_API)}")
        return getattr(import_module(_API[name]), name)


def __dir__() -> list[str]:
    return __all__
