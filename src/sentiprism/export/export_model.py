"""Export a saved model to a folder that needs neither torch nor this program."""

import json
from pathlib import Path
from typing import Any

from sentiprism.assets.hub_names import is_repository
from sentiprism.data.dataset import TuningView
from sentiprism.data.store import load_tuning
from sentiprism.errors import UserError
from sentiprism.export.card import make_card
from sentiprism.export.inputs import describe_inputs
from sentiprism.export.parity import refer
from sentiprism.export.quantize import variant, write_variant
from sentiprism.export.result import ExportResult, Measured
from sentiprism.extras import install_extra
from sentiprism.files import atomic_folder
from sentiprism.metrics import Metric
from sentiprism.metrics.conformal import Calibration
from sentiprism.models.artifact import SavedModel, load_model
from sentiprism.models.hub import pin_model
from sentiprism.progress import progress
from sentiprism.text.encoders import load_tokenizer
from sentiprism.training.transfer import find_weights
from sentiprism.types import ModalitySpec

FORMAT = 1
GRAPH = "model.onnx"
SINGLE = "float32"
RUNNER = "run.py"
NEEDED = ("requirements.txt", "numpy>=1.26\nonnxruntime>=1.20\ntokenizers>=0.20\n")
"""File with what the runner needs."""
TOLERANCE = 1e-4
"""Largest difference of a single-precision graph from torch, on the scale of the labels."""
MOST_LOSS = 0.01
"""Largest loss in the selection metric, such as MAE, that a quantized graph may have without ``allow_loss``."""


def export_model(
    model: str | Path,
    out: str | Path,
    *,
    quantize: str | None = None,
    dataset: str | Path | TuningView | None = None,
    allow_loss: bool = False,
) -> ExportResult:
    """Export a saved model as an ONNX graph with its tokenizer, calibration, card and a runner.

    The graph reads token ids and features as they are extracted: standardisation and a frozen text encoder are part of
    it. Batch size and lengths are free. Its predictions are compared with torch's on the valid split of a dataset.

    Args:
        model: run folder, folder of a seed or of a saved model, ``starter``, or ``hf://OWNER/NAME@REVISION``.
        out: new folder.
        quantize: variant to add, which the runner then uses: ``int8`` (for this machine's processor), or see
            `export.quantize`.
        dataset: whose valid split is predicted; by default the one that the model was trained on.
        allow_loss: also write a variant that loses more than `MOST_LOSS`, or whose loss cannot be measured.

    Raises:
        UserError: the exporter is not installed, it is not a saved model, the graph's predictions differ from torch's,
            or the variant loses too much.
    """
    check_exporter()
    import torch

    from sentiprism.export.graph import FlatModel, write_graph
    from sentiprism.export.run import Runner

    name = variant(quantize) if quantize else None
    model = pin_model(model)
    saved = load_model(find_weights(model))
    view = _view(saved, dataset)
    if name is not None and view is None and not allow_loss:
        known = saved.metadata.get("dataset")
        cause = f"dataset {known} is not in the store" if known else "the model does not name its dataset"
        raise UserError(f"{cause}, so the loss of {name} cannot be measured", "give `dataset`, or `allow_loss`")
    threads = torch.get_num_threads()
    if Path(out).exists():
        raise UserError(f"{out} exists already", "give another folder")
    with atomic_folder(Path(out)) as folder, progress(f"exporting {model}", total=3 + bool(name)) as advance:
        flat, graphs = FlatModel(saved.model), {SINGLE: GRAPH}
        write_graph(flat, folder / GRAPH)
        advance(1)
        if name is not None:
            graphs[name] = f"model_{name}.onnx"
            write_variant(folder / GRAPH, name, folder / graphs[name])
            advance(1)
        described = describe(saved, graphs) | ({"source": model} if is_repository(model) else {})
        (folder / "config.json").write_text(json.dumps(described, indent=1), encoding="utf-8")
        if saved.model.features.text is not None and "text" in described["inputs"]:
            _save_tokenizer(saved.model.features.text, folder / "tokenizer.json")
        for file, text in ((RUNNER, Path(__file__).with_name(RUNNER).read_text(encoding="utf-8")), NEEDED):
            (folder / file).write_text(text, encoding="utf-8")
        reference = refer(flat, view)
        advance(1)
        runners = {one: Runner(folder, file, threads) for one, file in graphs.items()}
        sizes = {one: sum(path.stat().st_size for path in folder.glob(f"{file}*")) for one, file in graphs.items()}
        rows = tuple(reference.measure(runners, sizes))
        advance(1)
        check_rows(rows, reference.metric, allow_loss=allow_loss)
        of, count, metric = None if view is None else view.name, len(reference.utterances), reference.metric
        result = ExportResult(Path(out), of, count, metric.label, metric.scale, threads, rows)
        (folder / "README.md").write_text(make_card(saved, result, described), encoding="utf-8")
    return result


def check_exporter() -> None:
    """Refuse to begin without the libraries that write and run ONNX graphs."""
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise UserError(f"{error.name} is not installed", install_extra("export")) from None
    del onnx, onnxruntime


def describe(saved: SavedModel, graphs: dict[str, str]) -> dict[str, Any]:
    """What the runner has to know, as JSON.

    Args:
        saved: the model.
        graphs: file of each graph by name; the runner loads the last one by default.
    """
    model = saved.model
    calibration = saved.calibration
    return {
        "format": FORMAT,
        "model": model.name,
        "graph": list(graphs.values())[-1],
        "graphs": graphs,
        "inputs": describe_inputs(model),
        "target": model.target.model_dump(mode="json"),
        "level": None if calibration is None else calibration.level,
        "bounds": None if calibration is None else _bounds(calibration),
    }


def _bounds(calibration: Calibration) -> dict[str, Any]:
    """Half-widths of intervals, or the most improbable class of a set, by modalities; "" for all others."""
    found: dict[str, Any] = {}
    for name, one in {"": calibration, **calibration.by_modalities}.items():
        if one.kind == "set":
            found[name] = 1.0 if one.quantile is None else one.quantile
        elif one.quantile is None:  # the whole range
            found[name] = {"base": one.high - one.low, "slope": 0.0, "floor": 0.0}
        else:
            found[name] = {key: one.quantile * getattr(one, key) for key in ("base", "slope", "floor")}
    return found


def _view(saved: SavedModel, dataset: str | Path | TuningView | None) -> TuningView | None:
    """The dataset to compare on; None if the model's own is not in the store or is another one by now."""
    if isinstance(dataset, TuningView):
        return dataset
    if dataset is not None:
        return load_tuning(dataset)
    known = saved.metadata.get("dataset")
    try:
        view = None if known is None else load_tuning(known)
    except UserError:
        return None
    return view if view is not None and view.card.content == saved.metadata.get("content") else None


def check_rows(rows: tuple[Measured, ...], metric: Metric, *, allow_loss: bool) -> None:
    """Refuse a graph that predicts something else, and a variant that loses too much."""
    torch, single, *variants = rows
    if not single.difference <= TOLERANCE:
        cause = f"the graph's predictions differ from torch's by up to {single.difference:.2g}"
        raise UserError(cause, "report this with the model's config.json: it cannot be exported")
    for row in variants if not allow_loss else ():
        loss = (torch.score - row.score) if metric.higher_is_better else (row.score - torch.score)
        if not loss <= MOST_LOSS:
            cause = f"{row.name} changes valid {metric.label} from {torch.score:.4f} to {row.score:.4f}"
            raise UserError(cause, f"at most {MOST_LOSS} is accepted unless `allow_loss`; leave out `quantize`")


def _save_tokenizer(spec: ModalitySpec, path: Path) -> None:
    """Save the tokenizer of an encoder without padding and truncation, which the runner does."""
    if spec.source != "features" and spec.encoder is not None:
        from tokenizers import Tokenizer

        words = Tokenizer.from_str(load_tokenizer(spec.encoder).backend_tokenizer.to_str())
        words.no_padding()
        words.no_truncation()
        words.save(str(path))
