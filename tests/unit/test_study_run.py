"""A study from its table to its report: what is refused, resumed, compared and written."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from makers_analysis import features, saved_model
from makers_study import observation
from sentiprism.analysis.options import Options
from sentiprism.errors import UserError
from sentiprism.report.measurements import COLUMNS
from sentiprism.study.design import make_units
from sentiprism.study.methods import Analysed, write_methods
from sentiprism.study.recordings import read_study
from sentiprism.study.repeated import repeated_measures
from sentiprism.study.run import PAGE, StudyOptions, run_study
from sentiprism.study.study import compare_groups

PERSONS, CONDITIONS = 11, ("before", "during", "after")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("model")
    return saved_model(place / "model", features(place / "text"))


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Eleven persons in three conditions, and a recording that cannot be read."""
    folder = tmp_path_factory.mktemp("texts")
    lines = ["path\tperson\tcondition\ttext\tsite"]
    for n in range(PERSONS):
        for k, condition in enumerate(CONDITIONS):
            (folder / f"p{n} {condition}.txt").write_text(f"w{n} w{n * k} w{k + 3}. w{n + k} w2!\n")
            lines.append(f"p{n} {condition}.txt\tp{n}\t{condition}\t=note\tone")
    (folder / "broken.srt").write_text("no times")
    (folder / "table.tsv").write_text("\n".join([*lines, "broken.srt\tp0\tbefore"]))
    return folder / "table.tsv"


def settings(model: Path, **changes: object) -> StudyOptions:
    return StudyOptions.parse({"analysis": {"model": str(model), "words": False}, **changes})


@pytest.fixture(scope="module")
def finished(table, model, tmp_path_factory):
    """The study, stopped after five recordings and resumed."""
    out = tmp_path_factory.mktemp("out") / "study"
    inputs, left = read_study(table, out), [6]  # the broken one is known at once

    def stop() -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(inputs, out, settings(model), ended=stop)
    assert not (out / PAGE).exists()
    return run_study(inputs, out, settings(model, report={"exports": ["elan"]}, title="A <study>")), out


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


def test_a_stopped_study_resumes_and_a_failure_is_listed(finished):
    result, out = finished
    assert result.kept == 5
    assert list(result.failures) == ["broken"]
    assert sum(summary is not None for _, summary in result.recordings) == PERSONS * 3
    assert [one.by for one in result.studies] == ["condition"], "site has one value, text and person are no groups"
    assert len(list(out.glob("recordings/*/analysis.eaf"))) == PERSONS * 3, "of those that were kept, too"
    document = json.loads((out / "study.json").read_text())
    assert document["settings"]["analysis"]["words"] is False
    assert [one["recording"] for one in document["recordings"] if one["failure"]] == ["broken"]
    page = (out / PAGE).read_text()
    assert "A &lt;study&gt;" in page
    assert '<dt dir="auto">broken</dt>' in page
    assert 'href="recordings/p0-before/report.html"' in page
    assert "All 3 together" in page
    assert "src=" not in page


def test_tables_are_tidy_and_agree_with_the_documents(finished):
    result, out = finished
    lines, found = rows(out / "measurements.csv"), pq.read_table(out / "measurements.parquet")
    assert found.column_names == ["recording", "person", "condition", "text (attribute)", "site", *COLUMNS]
    assert list(lines[0]) == found.column_names
    assert [float(one["value"]) for one in lines] == found["value"].to_pylist()
    assert {one["text (attribute)"] for one in lines} == {"'=note"}, "no spreadsheet takes it for a formula"
    means = {
        one["recording"]: one["value"] for one in lines if (one["level"], one["measure"]) == ("recording", "sentiment")
    }
    summaries = {one.task.folder.name: made.mean for one, made in result.recordings if made}
    assert {name: float(value) for name, value in means.items()} == summaries
    study = result.studies[0]
    groups = rows(out / "groups.csv")
    assert [(one["value"], float(one["mean"])) for one in groups] == [(g.name, g.mean.mean) for g in study.groups]
    for line, one in zip(rows(out / "differences.csv"), study.differences, strict=True):
        assert (line["design"], line["effect_size"], float(line["p_holm"])) == ("paired", "d_z", one.holm)
    (line,) = rows(out / "repeated_measures.csv")
    assert (line["persons"], float(line["partial_eta_squared"])) == (str(PERSONS), study.repeated.effect)


def test_the_methods_are_those_that_were_run(finished):
    _, out = finished
    said = (out / "methods.txt").read_text()
    assert f"{PERSONS * 3} recordings ({PERSONS * 3} text;" in said
    assert "1 further recordings could not be analysed" in said
    assert "each person with the mean of their recordings" in said
    assert "sign-flip tests" in said
    assert "partial eta squared" in said
    assert "Holm, S. (1979)" in said
    assert "Hedges" not in said, "no groups of other persons were compared"
    assert "torch 2" in said
    assert all(
        part in (out / PAGE).read_text().replace("&#39;", "'").replace("&amp;", "&") for part in said.split("\n\n")[:2]
    )


@pytest.mark.parametrize(("persons", "intervals"), [(3, False), (12, True)])
def test_the_methods_claim_intervals_only_where_they_are(persons, intervals):
    talks = [
        observation(f"{n}{c}", n + k, person=f"p{n}", condition=c) for n in range(persons) for k, c in enumerate("ab")
    ]
    said = " ".join(write_methods(Analysed(), Options(), [compare_groups(talks, "condition")], 0))
    assert ("bootstrap" in said, "Efron" in said, "have no intervals" in said) == (intervals, intervals, not intervals)


def test_other_settings_do_not_replace_analyses_unasked(finished, table, model):
    _, out = finished
    other = settings(model, analysis={"model": str(model), "pause": 2.0})
    with pytest.raises(UserError, match=r"none of 34 recordings could be analysed: .* has another report"):
        run_study(read_study(table, out), out, other)


def test_a_folder_with_other_contents_is_left_alone(table, model, tmp_path):
    (tmp_path / "diary.txt").touch()
    with pytest.raises(UserError, match="has other contents than a study"):
        run_study(read_study(table, tmp_path), tmp_path, settings(model))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path,group\na.txt,x\nb.text,y\n", "names 1 file that is not there: line 3: b.text (did you mean 'b.txt' or"),
        ("path,group\na.txt,x\n./a.txt,y\n", "lines 2 and 3 name the same recording"),
        ("path,group\na.txt,x\ncopy.txt,y\n", "are the same recording, with equal content"),
        ("path,transcript\na.txt,no.srt\n", "line 2: no.srt"),
        ("path,group\n,x\n", "line 2: (no name)"),
        ("path\n", "begin with the columns path,person"),
    ],
)
def test_mistakes_in_a_table_are_named_by_line(content, words, tmp_path):
    for name, text in (("a", "one"), ("b", "two"), ("copy", "one")):
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(UserError) as error:
        read_study(tmp_path / "t.csv", tmp_path / "out")
    assert words in str(error.value)


def test_rows_without_a_file_can_be_left_out_and_sheets_are_not_read(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "t.csv").write_text("path;group\nnone.txt;x\na.txt;y\n")
    found = read_study(tmp_path / "t.csv", tmp_path / "out", allow_missing=True)
    assert [dict(one.attributes) for one in found.recordings] == [{"group": "y"}]
    assert found.notes == ("1 rows of the table are left out, whose files are missing.",)
    with pytest.raises(UserError, match="save it as CSV"):
        read_study(tmp_path / "t.xlsx", tmp_path / "out")


def test_a_folder_has_its_attributes_in_a_table(tmp_path):
    folder = tmp_path / "talks"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.wav", "sub/b.wav"):
        (folder / name).write_bytes(name.encode())
    (folder / "a.srt").touch()
    with pytest.raises(UserError, match=r"has no table attributes\.csv"):
        read_study(folder, tmp_path / "out")
    (folder / "attributes.csv").write_text("file,group,transcript\na,x,\nz.wav,y,\n")
    with pytest.raises(UserError, match=r"line 3: z\.wav \(no recording has this name\)"):
        read_study(folder, tmp_path / "out")
    found = read_study(folder, tmp_path / "out", allow_missing=True)
    assert [(one.task.path.name, dict(one.attributes)) for one in found.recordings] == [
        ("a.wav", {"group": "x"}), ("b.wav", {}),
    ]  # fmt: skip
    assert found.recordings[0].task.transcript == folder / "a.srt"
    assert found.attributes == ("group",)
    assert any("1 recordings have no row" in note for note in found.notes)
    (folder / "said.txt").write_text("Said.")
    (folder / "attributes.csv").write_text("file,group,transcript\na,x,said.txt\n")
    assert read_study(folder, tmp_path / "out").recordings[0].task.transcript == folder / "said.txt"
    (folder / "attributes.csv").write_text("file,group,transcript\na,x,sayd.txt\n")
    with pytest.raises(UserError, match=r"names a transcript that is not there: sayd\.txt \(did you mean 'said\.txt'"):
        read_study(folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("site", "site has one value, 'one', in all recordings: there is nothing to compare"),
        ("conditions", "no attribute 'conditions'; did you mean 'condition'"),
    ],
)
def test_an_attribute_that_compares_nothing_is_refused_before_the_analysis(by, words, table, model, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UserError, match=words):
        run_study(read_study(table, out), out, settings(model, by=[by]))
    assert not out.exists()


def test_repeated_measures_by_hand():
    """F against a regression with persons and conditions; p near that of the F distribution for normal errors."""
    generator = np.random.default_rng(4)
    n, k = 12, 3
    values = generator.normal(size=(n, 1)) + np.array([0.0, 0.3, 0.9]) + 0.5 * generator.normal(size=(n, k))
    talks = [
        observation(f"{i} {j}", values[i, j], person=f"p{i}", condition="abc"[j]) for i in range(n) for j in range(k)
    ]
    talks.append(observation("alone", 9.0, person="x", condition="a"))
    units = {
        name: make_units([one for one in talks if one.attributes["condition"] == name], "condition") for name in "abc"
    }
    found = repeated_measures(units, "sentiment")
    assert (found.persons, found.left_out, found.degrees) == (12, 1, (2, 22))
    assert found.means == pytest.approx(values.mean(axis=0))
    persons, conditions = np.kron(np.eye(n), np.ones((k, 1))), np.kron(np.ones((n, 1)), np.eye(k))

    def residual(design: np.ndarray) -> float:
        fitted = design @ np.linalg.lstsq(design, values.ravel(), rcond=None)[0]
        return float(((values.ravel() - fitted) ** 2).sum())

    error = residual(np.hstack([persons, conditions]))
    between = residual(persons) - error
    assert found.f == pytest.approx((between / 2) / (error / 22))
    assert found.effect == pytest.approx(between / (between + error))
    assert found.p == pytest.approx(stats.f.sf(found.f, 2, 22), abs=0.02)
    assert 0.001 < found.p < 0.3
    alike = compare_groups([observation(f"{i}{c}", i + 1.0 * s, person=f"{i}", condition=c)
                            for i in range(10) for c, s in (("a", 0), ("b", 1), ("c", 2))], "condition")  # fmt: skip
    assert np.isnan(alike.repeated.f), "everybody changes alike: there is no error to compare with"
    assert alike.repeated.effect == pytest.approx(1.0)
    assert alike.repeated.p < 0.001
    assert compare_groups(talks[:27], "condition").repeated is None, "nine persons are too few"
