"""Every number of ``../shared/parity``: what the authors' released code computes from given weights and inputs."""

import json
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from makers_parity import Case, measured
from makers_parity_parts import PARTS
from sentiprism.metrics import PROTOCOLS

SHARED = Path(__file__).parents[3] / "shared" / "parity"
CASES = """
    almt bbfn bbfn_depth2 confede cubemlp dlf dlf_unaligned dmd dmd_causal dmd_single_step dpdf_lq dpdf_lq_local ef_lstm
    kuda lf_dnn lmf mag_bert mag_bert_small_beta mfn mfn_gates_without_memory misa misa_ragged mult mult_full positions
    self_mm self_mm_identity self_mm_labels self_mm_labels_sims tetfn tetfn_identity tfn tmt
"""
NAMES = CASES.split()


@pytest.fixture(scope="module")
def folder() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the parity fixtures (../shared/parity) are not here")
    return SHARED


def test_all_cases_are_here(folder):
    assert sorted(path.stem for path in folder.glob("*.safetensors")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_met(name, folder):
    case = Case(folder, name)
    expected = case.under("expected")
    found = PARTS[name](case) if name in PARTS else measured(case)
    compare(found, expected, case.tolerance)


def compare(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    wrong = {}
    for key, value in expected.items():
        assert key in found, f"nothing is measured for {key}"
        distance = (found[key].detach().reshape(value.shape) - value).abs().max().item()
        if not distance <= tolerance:
            wrong[key] = distance
    assert not wrong, wrong


def test_metrics_are_those_of_mmsa(folder):
    given = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    for case in given["cases"]:
        metrics = PROTOCOLS[case["protocol"]].metrics
        prediction, label = (np.array(case[key], dtype=np.float32) for key in ("prediction", "label"))
        for name, value in case["expected"].items():
            own = float(metrics[name].function(prediction, label))
            wanted = np.nan if value is None else value
            assert own == pytest.approx(wanted, abs=given["tolerance"], nan_ok=True), (case["case"], name)
