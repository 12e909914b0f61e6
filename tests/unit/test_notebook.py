"""Results show themselves in notebooks, and become pandas frames."""

import sys
from dataclasses import replace

import pytest

import sentiprism as sp
from makers_models import small
from makers_report import review
from makers_store import store_at
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.notebook import MOST_ROWS, make_dataframe, show_html
from sentiprism.training.run import Run

SETTINGS = {"config": small("tfn"), "optim": {"epochs": 1}}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with store_at(tmp_path_factory.mktemp("home")):
        data = synthetic_dataset("tiny", sizes=(48, 16, 16))
        out = tmp_path_factory.mktemp("runs") / "a<b>&"
        yield sp.train("tfn", data, seeds=2, settings=SETTINGS, out=out, device="cpu", quiet=True)


def test_a_run(run):
    frame = run.to_dataframe()
    assert list(frame["seed"]) == list(run.finished)
    assert list(frame["mae"]) == run.valid_scores("mae")
    shown = run._repr_html_()
    assert "a&lt;b&gt;&amp;: tfn on tiny" in shown
    assert "a<b>" not in shown
    assert "2 of 2 seeds finished" in shown


def test_a_run_without_a_finished_seed(run, tmp_path):
    for name in ("run.yaml", "environment.json"):
        (tmp_path / name).write_bytes((run.folder / name).read_bytes())
    begun = Run(tmp_path)
    assert "0 of 2 seeds finished" in begun._repr_html_()
    assert begun.to_dataframe().empty


def test_an_evaluation(run):
    found = sp.evaluate(run, "valid", device="cpu")
    frame = found.to_dataframe().set_index("metric")
    assert frame.loc["mae", "mean"] == found.metrics["mae"].mean
    assert list(frame.columns) == ["mean", "std", "low", "high"]
    shown = found._repr_html_()
    assert "<td>MAE</td>" in shown
    assert "tfn on tiny, valid" in shown
    changed = replace(found, model="<script>")
    assert "<script>" not in changed._repr_html_()


def test_an_explanation(run):
    found = sp.explain(run, "valid", device="cpu")
    frame = found.to_dataframe()
    assert len(frame) == 16 * 3
    first = frame[frame["id"] == str(found.ids[0])].set_index("modality")["shapley"]
    assert first["text"] == pytest.approx(found.shapley[:, 0, 0].mean())
    assert "base and values sum to the prediction" in found._repr_html_()
    assert found._repr_html_().count("<tr>") == 17


def test_an_analysis():
    part = review().utterances[0].model_copy(update={"text": "<b>so & so</b>"})
    analysis = review(utterances=(part, *review().utterances[1:]))
    shown = analysis._repr_html_()
    assert "&lt;b&gt;so &amp; so&lt;/b&gt;" in shown
    assert f"{len(analysis.utterances)} utterances" in shown
    assert len(analysis.to_dataframe()) == len(analysis.utterances)


def test_many_rows_are_counted():
    shown = show_html("t", ["a"], [["x"]] * (MOST_ROWS + 3))
    assert shown.count("<td>x</td>") == MOST_ROWS
    assert "and 3 more rows" in shown


def test_without_pandas_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match=r"pandas is not installed; pip install .*media"):
        make_dataframe([{"a": 1}])
