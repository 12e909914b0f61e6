"""The public API: each name of ``import sentiprism`` and the module that it comes from.

Type checkers and editors import these; at run time the lines are read, and a name is imported when it is first used.
"""
# ruff: noqa: PLC0414 - "X as X" is how a name is handed on to type checkers

from sentiprism.analysis.analyze import analyze as analyze
from sentiprism.analysis.extract import extract as extract
from sentiprism.analysis.predictor import Predictor as Predictor
from sentiprism.analysis.streaming.analyzer import StreamAnalyzer as StreamAnalyzer
from sentiprism.data.dataset import Dataset as Dataset
from sentiprism.data.exporters.export_dataset import export_dataset as export_dataset
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
from sentiprism.evaluation.evaluate import evaluate as evaluate
from sentiprism.evaluation.measurement import Evaluation as Evaluation
from sentiprism.evaluation.robustness import robustness as robustness
from sentiprism.explanation.modalities import Explanation as Explanation
from sentiprism.explanation.modalities import explain as explain
from sentiprism.export.encoder import export_encoder as export_encoder
from sentiprism.export.export_model import export_model as export_model
from sentiprism.models import create_model as create_model
from sentiprism.models import list_models as list_models
from sentiprism.models import load_model as load_model
from sentiprism.plugins import load_plugins as load_plugins
from sentiprism.report.analysis import Analysis as Analysis
from sentiprism.training.run import Run as Run
from sentiprism.training.train import resume as resume
from sentiprism.training.train import train as train
from sentiprism.tuning.tune import tune as tune
