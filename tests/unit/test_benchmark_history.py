"""Figures beside those of a release and beside a peer's: what is compared, and what counts as a change."""

import json
from argparse import Namespace

import pytest
import torch
from packaging.version import Version

from sentiprism import __version__
from sentiprism.benchmark.history import FIGURES, RECORDS, Comparison, compare_figures, read_record
from sentiprism.benchmark.yardstick import VERSION, make_yardstick
from sentiprism.errors import UserError
from sentiprism.models import MODELS

SETTINGS = {"encoder": "none", "forms": ["real"], "threads": 1, "steps": 1, "rounds": 1}


@pytest.mark.parametrize(
    ("then", "now", "mark"),
    [
        ((10.0, 11.0, 12.0), (9.0, 8.0, 9.9), "less"),
        ((10.0, 11.0, 12.0), (12.1, 13.0, 14.0), "more"),
        ((10.0, 11.0, 12.0), (9.0, 8.0, 10.0), "within noise"),
        ((10.0, 11.0, 12.0), (13.0, 14.0, 11.9), "within noise"),
    ],
)
def test_a_change_is_outside_of_every_repetition(then, now, mark):
    found = Comparison("mdf", "step", then, now)
    assert found.mark == mark
    assert found.change == pytest.approx(sorted(now)[1] / 11 - 1)


def test_the_last_releases_record_can_be_measured_again():
    record = read_record(RECORDS)
    assert Version(record["version"]) <= Version(__version__)
    assert record["yardstick"] == VERSION
    assert record["figures"].keys() <= MODELS.keys()
    for figures in record["figures"].values():
        assert figures.keys() == FIGURES.keys()
        assert {len(values) for values in figures.values()} == {record["turns"]}
        assert min(map(min, figures.values())) > 0


def test_todays_figures_are_beside_those_of_the_last_release(tmp_path):
    figures = {"text_only": {name: [2.0] for name in FIGURES}}
    record = {"version": "0.10.0", "yardstick": VERSION, "turns": 1, "settings": SETTINGS, "figures": figures}
    (tmp_path / "0.10.0.json").write_text(json.dumps(record))
    (tmp_path / "0.9.0.json").write_text("{}")
    told, found = compare_figures(records=tmp_path)
    assert told == record
    assert [(one.model, one.figure, one.then) for one in found] == [("text_only", name, (2.0,)) for name in FIGURES]
    step, one, many, peak = (float(row.now[0]) for row in found)
    assert 0 < many < one < step < 1  # a line of weights is faster than a Transformer
    assert peak > 50
    with pytest.raises(UserError, match=r"mdf was not measured in 0\.10\.0"):
        compare_figures(["mdf"], records=tmp_path)


def test_the_yardstick_trains_and_leaves_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    step = make_yardstick()
    step(0)
    assert torch.equal(torch.rand(1), expected)


def test_a_peer_is_timed_on_the_batches_of_ours(monkeypatch, pytestconfig, tmp_path):
    monkeypatch.syspath_prepend(str(pytestconfig.rootpath / "benchmarks"))
    import peer

    (tmp_path / "helper.py").write_text("SEEN = []\n")
    (tmp_path / "mine.py").write_text(PEER.format(log=str(tmp_path / "log.jsonl")))
    given = Namespace(model="text_only", encoder="none", form="real", steps=2, rounds=1, turns=1, threads=1)
    vars(given).update(peer=f"{tmp_path / 'mine.py'}:build", python=peer.sys.executable)
    found = peer.compare(given)
    assert found.keys() == FIGURES.keys()
    for one in found.values():
        assert one["ratio"] == pytest.approx(one["peer"] / one["ours"])
        assert one["range"] == [one["ratio"], one["ratio"]]
    calls = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(kind, shape[0]) for kind, shape in calls[:4]] == [("train", 16)] * 4  # two of them warm up
    assert [(kind, shape[0]) for kind, shape in calls[4:6]] == [("predict", 32), ("predict", 1)]  # these too
    assert calls[0][1][1] >= max(shape[1] for _, shape in calls[1:4])  # first the widest
    assert {shape[2] for _, shape in calls} == {768}


PEER = """
import json

from helper import SEEN


def build(task):
    assert task["threads"] == 1 and task["widths"] == {{"text": 768, "audio": 5, "vision": 20}}

    def note(kind):
        def call(batch):
            assert batch["text_mask"].shape == batch["text"].shape[:2] and len(batch["label"]) == len(batch["text"])
            with open({log!r}, "a") as log:
                log.write(json.dumps([kind, batch["text"].shape]) + "\\n")
        return call

    return note("train"), note("predict")
"""
