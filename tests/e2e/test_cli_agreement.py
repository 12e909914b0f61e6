"""The command agreement: what it prints, and which tables it refuses."""

import json
from pathlib import Path

import pytest

RECORDED = json.loads((Path(__file__).parents[1] / "golden" / "agreement.json").read_text("utf-8"))["tables"]


def test_the_command_prints_what_the_library_computes(cli, tmp_path):
    rows = RECORDED["with gaps"]["ratings"]
    lines = [f"{n},R{r},{'' if value is None else value}" for n, row in enumerate(rows) for r, value in enumerate(row)]
    (tmp_path / "ratings.csv").write_text("\n".join(["id,rater,value", *lines]))
    found = json.loads(cli("agreement", tmp_path / "ratings.csv", "--json").out)["full"]
    assert found["alpha"] == pytest.approx(RECORDED["with gaps"]["alpha"]["interval"])
    assert len(found["bland_altman"]) == 3
    shown = cli("agreement", tmp_path / "ratings.csv")
    assert (shown.status, shown.err) == (0, "")
    assert "0.713" in shown.out
    (tmp_path / "classes.csv").write_text("id,rater,value\na,R1,sad\na,R2,glad\nb,R1,sad\nb,R2,sad\n")
    assert json.loads(cli("agreement", tmp_path / "classes.csv", "--json").out)["full"]["icc"] is None
    assert "have no order" in cli("agreement", tmp_path / "classes.csv", "--level", "interval").error
