"""An exported model predicts the same without torch, says what it cannot do, and leaves nothing half-written."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from makers_analysis import features, saved_model
from makers_text import tiny_bert
from sentiprism.cli.export_model import VARIANTS
from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.export import export_model as exporting
from sentiprism.export.export_model import check_rows, describe, export_model
from sentiprism.export.quantize import INT8, OPTIMIZED, QUANTIZED, native
from sentiprism.export.result import Measured
from sentiprism.export.run import Runner
from sentiprism.metrics import PROTOCOLS
from sentiprism.metrics.conformal import Calibration
from sentiprism.models import load_model
from sentiprism.models.artifact import SavedModel
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

CALIBRATION = {
    "kind": "interval",
    "level": 0.9,
    "quantile": 1.2,
    "samples": 60,
    "low": -3.0,
    "high": 3.0,
    "base": 0.4,
    "slope": 0.3,
    "floor": 0.2,
}
SPOKEN = ["w1 w2", None, " ", "w3", " ".join(f"w{n}" for n in range(60)), "w4 unknown?", "w5", "w6 w7"]
VOICE = [7, 1, 2, 50, 400, 0, 3, 0]
FACE = [1, 0, 1, 1, 1, 1, 0, 0]
BEFORE = [[], [], [0], [0, 3], [0], [4], [4, 5], []]
"""Rows that each utterance follows, of its video."""
BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "sentiprism"}:
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A calibrated model of tokens with context, standardised frames of the voice, and one mean of the face."""
    root = tmp_path_factory.mktemp("export")
    given = features(root / "bert")
    text = given.text.model_copy(update={"context": 2})
    heard = Calibration.parse(CALIBRATION, "test")
    calibration = heard.model_copy(update={"by_modalities": {"text": heard.model_copy(update={"quantile": 0.5})}})
    return saved_model(
        root / "model", given.model_copy(update={"text": text}), calibration=calibration.model_dump(mode="json")
    )


@pytest.fixture(scope="module")
def exported(saved, tmp_path_factory):
    """The folder that it is exported to, and what was measured."""
    found = export_model(saved, tmp_path_factory.mktemp("exported") / "onnx")
    return found.folder, found


@pytest.fixture(scope="module")
def inputs(saved):
    """Utterances of many lengths, some without a modality: as a split, and as the runner reads them."""
    rng, spec = np.random.default_rng(0), load_model(saved).model.features
    rows = {
        name: [rng.normal(0, 20, (length, getattr(spec, name).width)).astype(np.float32) for length in lengths]
        for name, lengths in (("audio", VOICE), ("vision", FACE))
    }
    columns = {name: Ragged.from_rows(column, getattr(spec, name).width) for name, column in rows.items()}
    ids = np.array([str(row) for row in range(len(SPOKEN))])
    utterances = [
        {name: column[row] for name, column in rows.items() if len(column[row])}
        | ({"text": words} if (words := SPOKEN[row]) is not None else {})
        | {"context": [SPOKEN[other] or "" for other in BEFORE[row]]}
        for row in range(len(SPOKEN))
    ]
    return Split("given", ids, ids, tuple(SPOKEN), {}, columns), utterances


def predict(folder, split, before=None):
    """(N,) predictions in torch, and the modalities of each."""
    model = load_model(folder).model
    data = PreparedSplit(split, model.features, before)
    found = np.zeros(len(split), np.float32)
    for rows, output in forward_all(model, data, Engine("cpu", "no"), labels=False):
        found[rows] = output.prediction.numpy()
    return found, data.present(model.modalities)


def test_it_predicts_the_same_for_any_length_and_missing_modality(saved, exported, inputs):
    split, utterances = inputs
    value, present = predict(saved, split, BEFORE)
    bounds = load_model(saved).calibration.bounds(value, present)
    runner = Runner(exported[0])
    for found in (runner.predict(utterances), [runner.predict([one])[0] for one in utterances]):
        np.testing.assert_allclose([one["value"] for one in found], value, atol=1e-4)
        for end in ("low", "high"):
            np.testing.assert_allclose([one[end] for one in found], bounds[end], atol=1e-4)
    assert len({round(float(one), 3) for one in value}) == len(SPOKEN)  # the inputs matter
    assert "text" in present.tolist()  # which has an interval of its own


@pytest.mark.parametrize(
    "changes",
    [{"quantile": None}, {"quantile": None, "base": 0.0, "slope": 0.0}, {"slope": -0.3}, {"by_modalities": {}}],
)
def test_intervals_are_those_of_the_calibration(saved, exported, inputs, changes):
    model = load_model(saved)
    calibration = model.calibration.model_copy(update=changes)
    runner = Runner(exported[0])
    noted = {**model.metadata, "calibration": calibration.model_dump(mode="json")}
    runner.config |= describe(SavedModel(model.model, noted), {"float32": "model.onnx"})
    value, present = predict(saved, inputs[0], BEFORE)
    bounds = calibration.bounds(value, present)
    found = runner.predict(inputs[1])
    for end in ("low", "high"):
        np.testing.assert_allclose([one[end] for one in found], bounds[end], atol=1e-4)


def test_features_of_another_width_are_refused(exported):
    with pytest.raises(ValueError, match=r"audio has the shape \(3, 1\), not \(T, "):
        Runner(exported[0]).predict([{"text": "w1", "audio": np.ones((3, 1))}])


def test_context_changes_the_prediction_of_what_follows_it(exported, inputs):
    runner = Runner(exported[0])
    (following,) = runner.predict([inputs[1][3]])
    (alone,) = runner.predict([inputs[1][3] | {"context": []}])
    assert following["value"] != pytest.approx(alone["value"], abs=1e-6)


def test_what_was_compared_is_measured_and_written_down(exported):
    folder, found = exported
    torch, single = found.rows
    assert (torch.name, single.name, found.dataset) == ("torch", "float32", None)
    assert 0 < single.difference < 1e-4
    assert min(single.single, single.batched, torch.single, torch.batched) > 0
    json.dumps(found.to_dict(), allow_nan=False)
    card = (folder / "README.md").read_text()
    for text in ("made-up utterances", "intervals of 90%", "extractor speech version 1", "| float32 |"):
        assert text in card
    assert {path.name for path in folder.iterdir()} == {
        *("README.md", "config.json", "model.onnx", "requirements.txt", "run.py", "tokenizer.json")
    }


def test_it_runs_without_torch_and_without_this_program(exported, inputs, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    np.save(tmp_path / "voice.npy", inputs[1][0]["audio"])
    words = [sys.executable, str(exported[0] / "run.py"), "w1 w2", "--audio", str(tmp_path / "voice.npy")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (expected,) = Runner(exported[0]).predict([{"text": "w1 w2", "audio": inputs[1][0]["audio"]}])
    assert json.loads(done.stdout) == pytest.approx(expected, abs=1e-6)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A model of three classes on the states of a frozen encoder."""
    root = tmp_path_factory.mktemp("frozen")
    text = ModalitySpec(kind="features", width=32, encoder=str(tiny_bert(root / "bert")), source="raw", max_tokens=20)
    target = TargetSpec(kind="classes", classes=("negative", "neutral", "positive"))
    calibration = {"kind": "set", "level": 0.9, "quantile": 0.7, "samples": 60}
    return saved_model(root / "model", FeatureSpec(text=text), "lf_dnn", target, calibration=calibration)


def test_a_frozen_encoder_is_part_of_the_graph_and_classes_have_probabilities(frozen, tmp_path, home):
    found = export_model(frozen, tmp_path / "out", quantize="qint8_avx2", allow_loss=True)
    _, single, small = found.rows
    assert single.difference < 1e-4
    assert small.size < 0.7 * single.size
    assert small.difference > 0
    runner = Runner(tmp_path / "out", "model.onnx")
    (one,) = runner.predict([{"text": "w1 w2 w3"}])
    p = dict(zip(("negative", "neutral", "positive"), one["probabilities"], strict=True))
    assert sum(p.values()) == pytest.approx(1, abs=1e-6)
    assert one["value"] == max(p, key=p.__getitem__)
    assert set(one["set"]) == {name for name, share in p.items() if 1 - share <= 0.7} | {one["value"]}
    assert Runner(tmp_path / "out").config["graph"] == "model_qint8_avx2.onnx"


def test_a_variant_whose_loss_cannot_be_measured_is_refused(frozen, tmp_path, home):
    with pytest.raises(UserError, match=r"the loss of qint8_avx2 cannot be measured; give `dataset`, or `allow_loss`"):
        export_model(frozen, tmp_path / "out", quantize="qint8_avx2")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("metric", "better", "worse"), [("mae", 0.609, 0.611), ("acc2_has0", 0.591, 0.589)])
def test_a_variant_may_lose_a_hundredth(metric, better, worse):
    chosen = PROTOCOLS["intensity"].metrics[metric]
    torch, single = (Measured(name, 1, 1e-6, 0.6, 1.0, 1.0) for name in ("torch", "float32"))
    check_rows((torch, single, Measured("int8", 1, 0.1, better, 1.0, 1.0)), chosen, allow_loss=False)
    lossy = (torch, single, Measured("int8", 1, 0.1, worse, 1.0, 1.0))
    with pytest.raises(UserError, match=re.escape(f"int8 changes valid {chosen.label} from 0.6000 to {worse:.4f}")):
        check_rows(lossy, chosen, allow_loss=False)
    check_rows(lossy, chosen, allow_loss=True)
    with pytest.raises(UserError, match=r"differ from torch's by up to 0\.01"):
        check_rows((torch, single._replace(difference=0.01)), chosen, allow_loss=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantize": "int4"}, "no variant is called 'int4'; give int8, qint8_avx2"),
        ({"model": "."}, "does not contain a saved model"),
        ({"dataset": "nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_anything_is_written(frozen, tmp_path, home, changes, message):
    given = {"model": frozen, **changes}
    with pytest.raises(UserError, match=message):
        export_model(given.pop("model"), tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_is_kept(frozen, tmp_path, home):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="out"):
        export_model(frozen, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_the_command_line_knows_the_variants():
    assert (INT8, *QUANTIZED, *OPTIMIZED) == VARIANTS
    assert native() in QUANTIZED


def test_the_runner_is_short_and_imports_nothing_else():
    text = Path(exporting.__file__).with_name("run.py").read_text()
    imports = {line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import", "from"))}
    assert imports == {"argparse", "json", "os", "pathlib", "typing", "numpy", "onnxruntime", "tokenizers"}
    assert len(text.splitlines()) <= 94
