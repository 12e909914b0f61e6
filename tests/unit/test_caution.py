"""Weak estimates are called so, with their reason, wherever they are shown."""

import csv
import io
import re

import pytest

from makers_report import ALONE, WIDE, doubted, nothing, review
from sentiprism.analysis.caution import list_cautions
from sentiprism.report.files import write_index
from sentiprism.report.page.index import Entry
from sentiprism.report.page.payload import payload
from sentiprism.report.schema import BOTH_SIGNS, Estimate
from sentiprism.report.statistics import summarise
from sentiprism.report.wording import firmness, headline
from sentiprism.types import MODALITIES, TargetSpec

FACE = "rests on a face without speech"


@pytest.mark.parametrize(
    ("present", "known", "speech", "reasons"),
    [
        (("text", "audio", "vision"), MODALITIES, True, ()),
        (("text", "audio"), MODALITIES, True, ()),
        (("text",), MODALITIES, True, ("rests on the words alone",)),
        (("audio",), MODALITIES, True, (ALONE,)),
        (("vision",), MODALITIES, True, ("rests on the face alone",)),
        (("vision",), MODALITIES, False, (FACE,)),
        (("vision",), ("vision",), False, (FACE,)),
        (("vision",), ("vision",), True, ()),
        (("text",), ("text",), True, ()),
    ],
)
def test_an_estimate_is_weak_by_what_it_rests_on(present, known, speech, reasons):
    assert list_cautions(Estimate(value=0.0), present, known, TargetSpec(), speech=speech) == reasons


def test_an_estimate_is_weak_where_its_interval_is_wider_than_half_the_scale():
    for low, high, reasons in ((-0.5, 2.5, ()), (-0.5, 2.6, (WIDE,)), (None, None, ())):
        estimate = Estimate(value=0.0, low=low, high=high)
        assert list_cautions(estimate, MODALITIES, MODALITIES, TargetSpec(), speech=True) == reasons
    other = TargetSpec(low=0, high=10)
    assert list_cautions(Estimate(value=7, low=4.5, high=10), MODALITIES, MODALITIES, other, speech=True) == (WIDE,)


def test_an_estimate_is_weak_where_its_interval_holds_both_signs_beyond_neutral():
    def reasons(low, high, target):
        return list_cautions(Estimate(value=low, low=low, high=high), MODALITIES, MODALITIES, target, speech=True)

    for low, high, found in ((-0.6, 0.6, (BOTH_SIGNS,)), (-0.5, 1.5, ()), (-1.5, 0.5, ()), (-2, 2, (WIDE, BOTH_SIGNS))):
        assert reasons(low, high, TargetSpec()) == found
    assert reasons(4, 6, TargetSpec(low=0, high=10)) == (BOTH_SIGNS,)
    assert reasons(4.2, 6, TargetSpec(low=0, high=10)) == ()


def test_the_headline_says_that_the_sign_is_not_certain():
    weak = {"caution": (BOTH_SIGNS,)}
    parts = tuple(
        part.model_copy(update={"estimate": part.estimate.model_copy(update=weak)}) for part in review().utterances
    )
    title, sentence = headline(review(utterances=parts, summary=summarise(parts, TargetSpec())))
    assert title == "Sign uncertain: mixed, neutral on average"
    assert sentence.endswith(f"none of them firm: {BOTH_SIGNS}.")


def test_the_mean_is_weak_where_most_utterances_are():
    assert (review().summary.firm, review().summary.caution) == (1.0, ())
    half, less = doubted(range(1, 7)).summary, doubted(range(1, 8)).summary
    assert (half.firm, half.caution) == (0.5, ())
    assert (less.firm, less.caution) == (pytest.approx(5 / 12), (ALONE, WIDE))


def test_a_long_weak_utterance_weighs_as_much_as_in_the_mean():
    (weak, *firm) = doubted([1]).utterances
    long = weak.model_copy(update={"start": weak.end - 100})
    found = summarise((long, *firm), TargetSpec())
    assert found.firm == pytest.approx(1 - 100 / found.speech)
    assert found.caution == (ALONE, WIDE)
    said = firmness(review(utterances=(long, *firm), summary=found))
    assert said.startswith(f"11 of them firm, {100 * found.firm:.0f} % of the time: ")


def test_rows_without_times_weigh_equally():
    (weak, *firm) = doubted([1]).utterances
    parts = (weak.model_copy(update={"start": weak.end - 100}), *firm)
    found = summarise(parts, TargetSpec(), timed=False)
    assert found.mean == pytest.approx(sum(part.estimate.value for part in parts) / 12)
    assert (found.firm, found.caution) == (pytest.approx(11 / 12), ())
    document = review(utterances=parts, summary=found)
    assert "the mean of the rows (12), 11 of them firm, 92 % of the rows" in headline(document)[1]
    assert "<h3>Of the rows</h3>" in document.to_html()


def test_the_windows_say_why_they_are_weak():
    windows = [one.model_copy(update={"estimate": Estimate(value=1, caution=(ALONE,))}) for one in review().windows]
    page = review(windows=(*windows[:1], *review().windows[1:])).to_html()
    table = page[page.index("Table of sliding windows") :].partition("</table>")[0]
    assert table.count("Why it is weak") == table.count(ALONE) == 1
    assert "<dt>Firm and weak</dt>" in page
    assert "Why it is weak" not in review().to_html()


def test_the_headline_says_how_many_are_firm_and_why_the_others_are_not():
    assert headline(review())[1].endswith("all of them firm.")
    assert headline(doubted([3]))[0] == "Mixed, neutral on average"
    assert firmness(doubted([3])) == f"11 of them firm, 92 % of the time: {ALONE} (1), {WIDE} (1)"
    title, sentence = headline(doubted(range(1, 13)))
    assert title == "Weak estimate: mixed, neutral on average"
    assert sentence.endswith(f"none of them firm: {ALONE}, {WIDE} (1).")
    one = doubted([1])
    (first,) = one.utterances[:1]
    assert firmness(one.model_copy(update={"utterances": (first,)})) == f"which is weak: {ALONE}, {WIDE}"


def test_programs_are_told_too():
    document = doubted([2, 3])
    rows = list(csv.DictReader(io.StringIO(document.to_csv())))
    assert [row["caution"] for row in rows[:4]] == ["", f"{ALONE}; {WIDE}", ALONE, ""]
    assert document.model_validate_json(document.to_json()).utterances[1].estimate.caution == (ALONE, WIDE)
    shown = payload(document)["utterances"]
    assert [one["estimate"].get("caution") for one in shown[:3]] == [None, (ALONE, WIDE), (ALONE,)]


def test_the_page_mutes_what_is_weak_with_its_reason():
    firm, weak = review().to_html(), doubted(range(1, 13)).to_html()
    assert 'class="summary card"' in firm
    assert 'class="summary card weak"' in weak
    assert "Why it is weak" in weak
    assert "Why it is weak" not in firm
    assert re.search(rf'class="moment weak".*?class="caution">{ALONE}', weak, re.DOTALL)


def test_the_index_mutes_what_is_weak_with_its_reason(tmp_path):
    low = next(part.number for part in review().utterances if part.number == review().summary.lowest)
    documents = {"firm": review(), "low": doubted([low]), "weak": doubted(range(1, 13)), "none": nothing()}
    page = write_index(tmp_path, [Entry.of(one, f"{name}/report.html") for name, one in documents.items()]).read_text()
    rows = {name: page[page.index(f"{name}/report.html") :].partition("</tr>")[0] for name in documents}
    assert "Weak estimate" in rows["weak"]
    assert f"{ALONE}, {WIDE}" in rows["weak"]
    assert rows["weak"].count("figure weak") == 3  # mean, lowest and highest
    assert rows["low"].count("figure weak") == 1
    assert "Weak" not in rows["firm"] + rows["low"] + rows["none"]
    firm = {name: re.findall(r'class="figure"[^>]*>([^<]*)', row)[2] for name, row in rows.items()}
    assert firm == {"firm": "12", "low": "11", "weak": "0", "none": "–"}
