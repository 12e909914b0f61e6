"""Every registered model, exported, predicts real utterances as torch does: at any length, and without torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from makers_contracts import declared
from sentiprism.contracts.inputs import WIDTHS
from sentiprism.contracts.training import WHILE_TRAINED, check_graph, check_onnx
from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.export import run
from sentiprism.export.export_model import GRAPH, RUNNER, SINGLE, TOLERANCE, describe
from sentiprism.models import MODELS, Model
from sentiprism.models.artifact import SavedModel
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all
from sentiprism.types import MODALITIES, Modality

SHARED = Path(__file__).parents[3] / "shared" / "data"
LENGTHS = (1, 2, 50, 400)
UTTERANCES = 12
RUNNING = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "sentiprism"}:
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Blocker())
import numpy as np
from run import Runner

given = np.load("utterances.npz")
rows = [{name: given[f"{name}_{n}"] for name in ("text", "audio", "vision")} for n in range(int(given["count"]))]
runner = Runner(".", threads=1)
kept = [runner.read({name: steps for name, steps in one.items() if len(steps)}) for one in rows]
np.save("predictions.npy", np.stack([runner.run(kept), np.concatenate([runner.run([one]) for one in kept])]))
"""


@pytest.fixture(scope="module")
def spoken() -> dict[Modality, list[np.ndarray]]:
    """Utterances of MOSI, some without a modality, then others in a row, cut to `LENGTHS`.

    Features are the first of GloVe, COVAREP and Facet, as many as the small models read. Where the data are not here,
    they are random numbers of the same lengths.
    """
    names = {"text": "glove", "audio": "audio", "vision": "vision"}
    path = SHARED / "mosi" / "valid_aligned.npz"
    found: dict[Modality, list[np.ndarray]] = {}
    for place, (name, key) in enumerate(names.items(), 1):
        if path.is_file():
            with np.load(path) as file:
                whole = [row[:n, : WIDTHS[name]] for row, n in zip(file[key], file["length"], strict=True)]
        else:
            draw = np.random.default_rng(place)
            whole = [draw.normal(size=(2 + n % 43, WIDTHS[name])).astype(np.float32) for n in range(229)]
        own = [row[:0] if n % 5 == place else row for n, row in enumerate(whole[:UTTERANCES])]
        found[name] = own + [np.concatenate(whole[UTTERANCES:])[:length] for length in LENGTHS]
    return found


def predict(model: Model, rows: dict[Modality, list[np.ndarray]]) -> np.ndarray:
    """(N,) predictions by the program's own loading of data."""
    count = UTTERANCES + len(LENGTHS)
    columns = {key: Ragged.from_rows(column, WIDTHS[key]) for key, column in rows.items()}
    ids = np.array([str(n) for n in range(count)])
    data = PreparedSplit(Split("mosi", ids, ids, (None,) * count, {}, columns), model.features)
    found = np.zeros(count, np.float32)
    for chosen, output in forward_all(model.eval(), data, Engine("cpu", "no"), labels=False):
        found[chosen] = output.prediction.numpy()
    return found


@pytest.mark.parametrize("name", list(MODELS))
def test_the_graph_of_a_model_gives_the_numbers_of_torch(name, spoken, tmp_path):
    with declared(MODELS[name].exceptions.get("onnx")):
        model = check_graph(name, tmp_path / GRAPH).model
        described = describe(SavedModel(model, {}), {SINGLE: GRAPH})
        (tmp_path / "config.json").write_text(json.dumps(described))
        (tmp_path / RUNNER).write_text(Path(run.__file__).read_text())
        arrays = {f"{key}_{n}": row for key in MODALITIES for n, row in enumerate(spoken[key])}
        np.savez(tmp_path / "utterances.npz", count=UTTERANCES + len(LENGTHS), **arrays)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        subprocess.run([sys.executable, "-c", RUNNING], cwd=tmp_path, env=environment, check=True, timeout=120)
        expected = predict(model, spoken)
        for way in np.load(tmp_path / "predictions.npy"):  # in one batch, and one by one
            np.testing.assert_allclose(way, expected, atol=TOLERANCE)
        assert np.ptp(expected) > 10 * TOLERANCE  # the inputs matter


def test_the_contract_is_checked_here():
    assert (check_onnx, "onnx") in [(one.check, one.name) for one in WHILE_TRAINED]
