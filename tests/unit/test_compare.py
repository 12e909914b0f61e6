"""A comparison says the same in every format, whichever run is the reference."""

import csv
import io
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from makers_models import small
from makers_store import store_at
from sentiprism.cli.evidence import show_comparison
from sentiprism.errors import UserError
from sentiprism.evaluation.compare import compare
from sentiprism.evaluation.differences import holm, paired
from sentiprism.metrics import protocol
from sentiprism.tables import comma_separated, html, latex, markdown, number, probability, tex
from sentiprism.training.train import train


@pytest.fixture(scope="module")
def other(many_home, tmp_path_factory):
    with store_at(many_home):
        settings = {"config": small("text_only"), "optim": {"epochs": 1, "batch_size": 16}}
        out = tmp_path_factory.mktemp("runs") / "text_only"
        return train("text_only", "many", settings=settings, out=out, device="cpu", quiet=True)


def test_the_least_p_stays_small_when_it_is_corrected_for_25_runs():
    label = np.linspace(-3, 3, 60)
    found = paired(label, -label, label, protocol("intensity"))["mae"]
    assert holm({str(i): found.p for i in range(25)})["0"] <= 0.01


def test_p_values_of_a_comparison_are_corrected_over_all_its_runs(trained_many, other, many, tmp_path):
    again = shutil.copytree(trained_many.folder, tmp_path / "again")
    one, two = compare([other, trained_many, again], device="cpu").differences
    p = {f"{i} {name}": value.p for i, found in enumerate((one, two)) for name, value in found.items()}
    expected = holm(p)
    assert {f"{i} {n}": v.holm for i, d in enumerate((one, two)) for n, v in d.items()} == expected
    assert "16 tests, Holm" in compare([other, trained_many, again], device="cpu").render("markdown")


def test_a_run_given_twice_is_one(trained_many, other, many, tmp_path):
    (tmp_path / "link").symlink_to(trained_many.folder)
    found = compare(
        [trained_many, other, tmp_path / "link", trained_many.folder], reference=tmp_path / "link", device="cpu"
    )
    assert [entry.name for entry in found.entries] == ["trained", "text_only"]
    assert (found.reference, found.tests) == ("trained", 8)


def test_each_rule_of_selection_is_below_the_table(found, capsys):
    first, second = found.entries
    of_another = replace(second.evaluation, selection="epoch of the highest valid F1; test is not looked at")
    show_comparison(found._replace(entries=(first, second._replace(evaluation=of_another))))
    text = " ".join(capsys.readouterr().out.split())
    assert text.count(first.evaluation.selection) == text.count(of_another.selection) == 1


@pytest.fixture
def found(trained_many, other, many):
    return compare([trained_many], reference=other, device="cpu")


def test_the_reference_joins_the_runs_and_the_others_are_held_against_it(found, trained_many, other):
    assert [entry.name for entry in found.entries] == ["text_only", "trained"]
    assert found.reference == "text_only"
    assert [entry.difference is None for entry in found.entries] == [True, False]
    forth, back = found.differences[0], compare([trained_many, other], device="cpu").differences[0]
    assert forth["mae"].mean == pytest.approx(-back["mae"].mean)
    again = compare([trained_many, other], reference=other.folder, device="cpu")
    assert [entry.name for entry in again.entries] == ["trained", "text_only"]
    assert again.differences == found.differences
    assert {n: d.holm for n, d in forth.items()} == holm({n: d.p for n, d in forth.items()})


def test_costs_are_those_of_the_run(found):
    entry = found.entries[1]
    assert entry.parameters > found.entries[0].parameters > 0
    assert entry.seconds > 0


def test_csv_holds_every_number_unrounded(found):
    rows = list(csv.DictReader(io.StringIO(found.render("csv"))))
    assert len(rows) == 3 * len(found.evaluations[0].protocol.names)  # the constant predictor's too
    by = {(row["run"], row["metric"]): row for row in rows}
    mae, apart = found.evaluations[1].metrics["mae"], found.differences[0]["mae"]
    row = by["trained", "mae"]
    assert [float(row[k]) for k in ("mean", "std", "low", "high")] == list(mae)
    assert [float(row[k]) for k in ("difference", "difference_low", "difference_high", "p", "p_holm")] == list(apart)
    assert by["text_only", "mae"]["difference"] == by["text_only", "mae"]["std"] == ""
    assert row["selection"] == "epoch of the lowest valid MAE; test is not looked at"


def test_every_format_shows_the_same_cells(found):
    mae, apart = found.evaluations[1].metrics["mae"], found.differences[0]["mae"]
    shown = [f"{mae.mean:.3f} ± {mae.std:.3f}", f"[{mae.low:.3f}, {mae.high:.3f}]"]
    for text in (found.render("markdown"), found.render("html")):
        assert all(part in text for part in shown)
        assert probability("p", apart.p) in text
        assert probability("Holm", apart.holm) in text
        assert "epoch of the lowest valid MAE" in text
    page = found.render("latex")
    assert shown[0].replace("±", r"$\pm$") in page
    assert r"\toprule" in page
    assert r"text\_only" in page
    lines = [line for line in page.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in lines} == {13}  # every line fills every column
    assert len(lines) == 1 + 2 + 2 + 5  # head, the constant, the reference, the other with what it differs in
    with pytest.raises(UserError, match="did you mean 'latex'"):
        found.render("latx")


def test_nothing_to_compare_is_refused():
    with pytest.raises(UserError, match="no runs to compare"):
        compare([])


# how tables are written


def test_latex_escapes_what_means_something_to_it():
    assert tex("50% of A_1 & #2 {x} $5 a~b ^ \\") == (
        r"50\% of A\_1 \& \#2 \{x\} \$5 a\textasciitilde{}b \textasciicircum{} \textbackslash{}"
    )
    assert tex("-0.014 [-0.028, 0.001] ± 3, a-1, Acc-2") == r"$-$0.014 [$-$0.028, 0.001] $\pm$ 3, a-1, Acc-2"
    assert latex(("a", "b"), [("x", ("1", "2"))], ["5% said"]).splitlines() == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"a & b \\",
        r"\midrule",
        r"x & 1 \\",
        r" & 2 \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\par{\footnotesize 5\% said}",
    ]


def test_html_and_markdown_escape_what_means_something_to_them():
    page = html(("a <b>", "c"), [("x & y", ("1", "2"))], ["<i>"])
    assert "<th>a &lt;b&gt;</th>" in page
    assert "<td>x &amp; y</td><td>1<br>2</td>" in page
    assert re.findall("<p>.*</p>", page) == ["<p>&lt;i&gt;</p>"]
    assert markdown(("a", "b"), [("x|y", ("1", "2"))]).splitlines()[-1] == r"| x\|y | 1<br>2 |"


def test_csv_quotes_commas_and_leaves_undefined_numbers_empty():
    assert comma_separated(("a", "b"), [("x, y", np.nan), ('"', 0.1)]) == 'a,b\n"x, y",\n"""",0.1'


def test_what_rounds_to_nothing_has_no_sign():
    assert [number(v) for v in (-0.0004, 0.0004, -0.0, -0.0006, float("nan"))] == [
        "0.000",
        "0.000",
        "0.000",
        "-0.001",
        "–",
    ]
    assert [number(v, 100) for v in (-0.00004, -0.00006)] == ["0.00", "-0.01"]


def test_a_p_value_that_rounds_to_nothing_is_not_0():
    assert [probability("p", v) for v in (0.0004, 0.0006, 0.5)] == ["p < 0.001", "p < 0.001", "p = 0.500"]
    assert probability("Holm", float("nan")) == "Holm = –"
