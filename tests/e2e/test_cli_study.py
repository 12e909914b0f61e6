"""`sentiprism study` as a user meets it."""

import json

import pytest

from makers_cli import last_error


@pytest.fixture
def table(tmp_path):
    lines = ["path,group,site"]
    for n in range(4):
        (tmp_path / f"t{n}.txt").write_text(f"w{n} w2 w3.\n")
        lines.append(f"t{n}.txt,{'ab'[n % 2]},here")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    return "table.csv"


def test_a_table_becomes_a_study_and_the_next_step_is_named(cli, table, judge, tmp_path):
    made = cli("study", table, "--model", judge)
    assert made.status == 0, made.err
    assert made.err.splitlines()[-1] == "next: open study/study.html"
    assert "Sentiment by group" in made.out
    assert "2 recordings in one group: too few for a test" in " ".join(made.out.split())
    assert "Give the attribute person" in made.out, "no column person"
    assert {"study.html", "methods.txt", "measurements.parquet"} < {one.name for one in (tmp_path / "study").iterdir()}
    again = cli("study", table, "--model", judge, "--json")
    found = json.loads(again.out)
    assert [one["attributes"]["group"] for one in found["recordings"]] == ["a", "b", "a", "b"]
    assert {one["value"] for one in found["groups"]} == {"a", "b"}


def test_mistakes_are_answered_in_one_line_before_any_work(cli, table, tmp_path):
    (tmp_path / "t9.csv").write_text("path,group\nt0.txt,a\nt7.txt,b\n")
    assert "line 3: t7.txt (did you mean" in (said := last_error(cli("study", "t9.csv")))
    assert said.endswith("or leave these rows out with --allow-missing")
    said = last_error(cli("study", table, "--by", "site"))
    assert said.endswith(
        "site has one value, 'here', in all recordings: there is nothing to compare; choose another --by: group"
    )
    assert "did you mean 'group'" in last_error(cli("study", table, "--by", "groups"))
    (tmp_path / "t9.csv").write_text("path,group\nt0.txt,a\nt0.txt,b\n")
    assert "lines 2 and 3 name the same recording, t0.txt; remove one" in last_error(cli("study", "t9.csv"))
    assert "no file nothing.csv" in last_error(cli("study", "nothing.csv"))
    assert not (tmp_path / "study").exists()
