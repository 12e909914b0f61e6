"""A run that cannot be read costs the others nothing; a place that cannot be written is refused before the work."""

import json
import re
import shutil

import pytest

from makers_cli import assignments, write_experiment


@pytest.fixture
def several(finished, tmp_path):
    """Three runs below runs/: a whole one, one of a model that is not known here, and one with a damaged file."""
    for name in ("whole", "unknown", "damaged"):
        shutil.copytree(finished, tmp_path / "runs" / name)
    shutil.rmtree(finished)
    config = tmp_path / "runs" / "unknown" / "seed-1111" / "model" / "config.json"
    config.write_text(config.read_text().replace('"model": "mdf"', '"model": "\\u001b[31mmdff"'))
    for seed in (1111, 1112):
        (tmp_path / "runs" / "damaged" / f"seed-{seed}" / "metrics.jsonl").write_text("{")
    return tmp_path


def test_results_leave_out_what_cannot_be_read_and_say_why(cli, several):
    answer = cli("results", "runs", "--out", "page.md", "--device", "cpu")
    assert answer.status == 0
    assert answer.out.startswith("1 run in page.md")
    assert [line[:9] for line in answer.err.splitlines()[:2]] == ["left out:"] * 2
    assert "no model is called '\\x1b[31mmdff'" in answer.err
    assert "metrics.jsonl line 1 is not JSON" in answer.err
    page = (several / "page.md").read_text(encoding="utf-8")
    before, after = page.split("## Left out")
    assert re.search(r"\| whole\b[^|]* \| mdf \|", before)
    assert "| unknown |" not in before
    assert "- runs/unknown: no model is called" in after
    assert "- runs/damaged: runs/damaged/seed-1111/metrics.jsonl line 1 is not JSON" in after
    said = cli("results", "runs", "--json", "--device", "cpu")
    assert [one["run"] for one in json.loads(said.out)] == ["whole"]
    assert said.err.count("left out:") == 2


def test_results_of_nothing_that_can_be_read_are_an_error(cli, several):
    shutil.rmtree(several / "runs" / "whole")
    line = cli("results", "runs", "--out", "page.md", "--device", "cpu").error
    assert "no run can be read: runs/damaged/seed-1111/metrics.jsonl line 1 is not JSON" in line
    assert not (several / "page.md").exists()


def test_notes_are_put_before_the_tables(cli, several):
    (several / "notes.md").write_text("## What moved\n\nNothing yet.\n")
    page = cli("results", "runs/whole", "--notes", "notes.md", "--device", "cpu").out
    assert page.index("# Results") < page.index("## What moved\n\nNothing yet.\n\n## ") < page.index("| whole")
    assert "no file nowhere.md" in cli("results", "runs/whole", "--notes", "nowhere.md").error


def test_damaged_curves_of_robustness_cost_the_run_nothing_else(cli, several):
    (several / "runs" / "whole" / "robustness-test.json").write_text("[]")
    answer = cli("results", "runs/whole", "--device", "cpu")
    assert answer.status == 0
    assert re.search(r"\| whole\b[^|]* \| mdf \|", answer.out)
    assert "Robustness of whole is left out: runs/whole/robustness-test.json is not a mapping" in answer.out


def test_a_run_that_is_named_is_an_error(cli, several):
    assert "no model is called" in cli("compare", "runs/whole", "runs/unknown", "--device", "cpu").error


WRITING = {
    "demo": ["demo", "--out"],
    "train": ["train", "mdf", "--dataset", "tiny", *assignments(), "--out"],
    "tune": ["tune", "mdf", "--dataset", "tiny", *assignments(), "--out"],
    "results": ["results", "run", "--out"],
    "figure": ["figure", "weights", "run", "--out"],
    "figure runs": ["figure", "runs", "run", "--out"],
}


@pytest.mark.parametrize("place", ["file/x.pdf", "file/a/b/c.pdf", "link/x.pdf"])
@pytest.mark.parametrize("command", WRITING)
def test_a_place_below_a_file_is_refused_and_named(refused, finished, tmp_path, command, place):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    line = refused(*WRITING[command], place, "--device", "cpu")
    assert f"{place.partition('/')[0]} is a file, and nothing can be written below it; choose another place" in line


def test_ablate_and_reproduce_refuse_it_too(refused, finished, tmp_path):
    (tmp_path / "file").write_text("")
    words = ["mdf", "--experiment", write_experiment(tmp_path), "--table", "3", "--out", "file/x", "--device", "cpu"]
    for command in (["ablate", *words], ["reproduce", *words, "--train"]):
        assert "file is a file, and nothing can be written below it" in refused(*command)
