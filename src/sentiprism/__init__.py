"""sentiprism: multimodal sentiment analysis, from a dataset file to an honest number.

Names of the public API are resolved on first use, so that importing the package costs nothing::

    import sentiprism as sp
    dataset = sp.load_dataset("mosi")
    run = sp.train("mdf", dataset, seeds=5)
    print(sp.evaluate(run, split="test"))
"""

from importlib import import_module
from typing import Any

from sentiprism.environment import forbid_telemetry

__version__ = "0.1.0"

_API = {
    "load_dataset": "sentiprism.data.store",
    "list_datasets": "sentiprism.data.store",
    "synthetic_dataset": "sentiprism.data.synthetic",
    "create_model": "sentiprism.models",
    "list_models": "sentiprism.models",
    "load_model": "sentiprism.models",
    "train": "sentiprism.training.train",
    "tune": "sentiprism.tuning.tune",
    "evaluate": "sentiprism.evaluation.evaluate",
    "analyze": "sentiprism.analysis.analyze",
}
__all__ = ["__version__", *_API]  # noqa: PLE0604 - the names are the table's keys

forbid_telemetry()


def __getattr__(name: str) -> Any:
    if name not in _API:
        raise AttributeError(f"module 'sentiprism' has no attribute {name!r}; it has {', '.join(_API)}")
    return getattr(import_module(_API[name]), name)


def __dir__() -> list[str]:
    return __all__
