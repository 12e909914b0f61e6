"""sentiprism: multimodal sentiment analysis, from a dataset file to an honest number.

Names of the public API are resolved on first use, so that importing the package costs nothing::

    import sentiprism as sp
    dataset = sp.load_dataset("mosi")
    run = sp.train("mdf", dataset, seeds=5)
    print(sp.evaluate(run, split="test"))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sentiprism.environment import forbid_telemetry

if TYPE_CHECKING:  # editors and type checkers; at run time `_API` says the same, and a test compares them
    from sentiprism.analysis.analyze import analyze as analyze
    from sentiprism.analysis.extract import extract as extract
    from sentiprism.analysis.predictor import Predictor as Predictor
    from sentiprism.data.dataset import Dataset as Dataset
    from sentiprism.data.importers.import_dataset import import_dataset as import_dataset
    from sentiprism.data.importers.labels import LabelSpec as LabelSpec
    from sentiprism.data.importers.sources import ArraysSource as ArraysSource
    from sentiprism.data.importers.sources import CsdSource as CsdSource
    from sentiprism.data.importers.sources import MmsaSource as MmsaSource
    from sentiprism.data.importers.sources import TableSource as TableSource
    from sentiprism.data.importers.sources import UrfunnySource as UrfunnySource
    from sentiprism.data.store import list_datasets as list_datasets
    from sentiprism.data.store import load_dataset as load_dataset
    from sentiprism.data.synthetic import synthetic_dataset as synthetic_dataset
    from sentiprism.evaluation.calibration import calibrate as calibrate
    from sentiprism.evaluation.compare import compare as compare
    from sentiprism.evaluation.evaluate import Evaluation as Evaluation
    from sentiprism.evaluation.evaluate import evaluate as evaluate
    from sentiprism.evaluation.robustness import robustness as robustness
    from sentiprism.explanation.modalities import Explanation as Explanation
    from sentiprism.explanation.modalities import explain as explain
    from sentiprism.models import create_model as create_model
    from sentiprism.models import list_models as list_models
    from sentiprism.models import load_model as load_model
    from sentiprism.plugins import load_plugins as load_plugins
    from sentiprism.report.analysis import Analysis as Analysis
    from sentiprism.training.run import Run as Run
    from sentiprism.training.train import resume as resume
    from sentiprism.training.train import train as train
    from sentiprism.tuning.tune import tune as tune

__version__ = "0.2.0"

_API = {
    "list_datasets": "sentiprism.data.store",
    "load_dataset": "sentiprism.data.store",
    "synthetic_dataset": "sentiprism.data.synthetic",
    "import_dataset": "sentiprism.data.importers.import_dataset",
    "LabelSpec": "sentiprism.data.importers.labels",
    "ArraysSource": "sentiprism.data.importers.sources",
    "CsdSource": "sentiprism.data.importers.sources",
    "MmsaSource": "sentiprism.data.importers.sources",
    "TableSource": "sentiprism.data.importers.sources",
    "UrfunnySource": "sentiprism.data.importers.sources",
    "Dataset": "sentiprism.data.dataset",
    "create_model": "sentiprism.models",
    "list_models": "sentiprism.models",
    "load_model": "sentiprism.models",
    "load_plugins": "sentiprism.plugins",
    "resume": "sentiprism.training.train",
    "train": "sentiprism.training.train",
    "Run": "sentiprism.training.run",
    "tune": "sentiprism.tuning.tune",
    "evaluate": "sentiprism.evaluation.evaluate",
    "Evaluation": "sentiprism.evaluation.evaluate",
    "compare": "sentiprism.evaluation.compare",
    "calibrate": "sentiprism.evaluation.calibration",
    "robustness": "sentiprism.evaluation.robustness",
    "explain": "sentiprism.explanation.modalities",
    "Explanation": "sentiprism.explanation.modalities",
    "Predictor": "sentiprism.analysis.predictor",
    "analyze": "sentiprism.analysis.analyze",
    "Analysis": "sentiprism.report.analysis",
    "extract": "sentiprism.analysis.extract",
}
__all__ = ["__version__", *_API]  # noqa: PLE0604 - the names are the table's keys

forbid_telemetry()


if not TYPE_CHECKING:  # a checker would take every name for Any

    def __getattr__(name: str) -> Any:
        if name not in _API:
            raise AttributeError(f"module 'sentiprism' has no attribute {name!r}; it has {', '.join(_API)}")
        return getattr(import_module(_API[name]), name)


def __dir__() -> list[str]:
    return __all__
