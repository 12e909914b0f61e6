"""Every registered model, exported, predicts real utterances as torch does, at any length.

That the runner needs neither torch nor this program is held by `test_export_model`.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from makers_contracts import declared
from sentiprism.contracts.inputs import WIDTHS
from sentiprism.contracts.training import WHILE_TRAINED, check_graph, check_onnx
from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.export.export_model import GRAPH, SINGLE, TOLERANCE, describe
from sentiprism.export.run import Runner
from sentiprism.models import MODELS, Model
from sentiprism.models.artifact import SavedModel
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all
from sentiprism.types import MODALITIES, Modality

SHARED = Path(__file__).parents[3] / "shared" / "data"
LENGTHS = (1, 2, 50, 400)
UTTERANCES = 12


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
        rows = [{key: spoken[key][n] for key in MODALITIES} for n in range(UTTERANCES + len(LENGTHS))]
        runner = Runner(tmp_path, threads=1)
        kept = [runner.read({key: steps for key, steps in row.items() if len(steps)}) for row in rows]
        one_by_one = np.concatenate([runner.run([one]) for one in kept])
        expected = predict(model, spoken)
        for way in (runner.run(kept), one_by_one):
            np.testing.assert_allclose(way, expected, atol=TOLERANCE)
        assert np.ptp(expected) > 10 * TOLERANCE  # the inputs matter


def test_the_contract_is_checked_here():
    assert (check_onnx, "onnx") in [(one.check, one.name) for one in WHILE_TRAINED]
