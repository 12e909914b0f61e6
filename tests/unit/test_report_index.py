"""The page over many reports, and the terminal's table of them."""

import re
from pathlib import Path

import pytest

from makers_report import doubted, nothing, reading, review
from sentiprism.analysis.batch import Outcome
from sentiprism.analysis.inputs import AnalysisTask
from sentiprism.analysis.language import check_language_of
from sentiprism.cli.terminal_summary import FolderRow, show_folder
from sentiprism.media.types import Language, Segment, Word
from sentiprism.report import wording
from sentiprism.report.page.index import Entry, render_index
from sentiprism.report.schema import OWN_TIMES, Recording
from sentiprism.report.statistics import summarise
from sentiprism.types import TargetSpec


def rows_of_a_table():
    """Texts of a table without times."""
    recording = Recording(
        name="rows.csv", content="a1", kind="text", duration=15.0, transcript="the rows of a table; times are those of"
    )
    return review(
        recording=recording, windows=(), curves=(), summary=summarise(review().utterances, TargetSpec(), timed=False)
    )


def uncertain():
    """A recording whose language was recognised, but not with certainty, with the note of an analysis."""
    language = Language("en", 0.55, (("cy", 0.45),))
    said = (Segment(0, 1, (Word("well", 0, 1),)),)
    check = check_language_of(said, language, "en", "drop", name="x.mp4", recorded=True)
    recording = review().recording.model_copy(update={"language": "en", "language_probability": 0.55})
    return review(recording=recording, notes=check.notes)


def index_of(*documents, **more):
    return render_index([Entry.of(one, f"{n}/report.html") for n, one in enumerate(documents)], {}, **more)


def headings(page):
    return re.findall(r"<th scope=.col.[^>]*>(?:<button[^>]*>)?([^<]+)", page)


def firm(page):
    return re.findall(r'data-label="firm"[^>]*>(.*?)</td>', page)


def test_firm_is_a_count_and_where_there_are_times_a_share_of_the_time():
    (weak, *others) = doubted([1]).utterances
    long = (weak.model_copy(update={"start": weak.end - 100}), *others)
    found = review(utterances=long, summary=summarise(long, TargetSpec()))
    share = f"{100 * found.summary.firm:.0f}"
    assert share == "10"
    assert firm(index_of(found)) == [f'11<span class="length">{share} % of the time</span>']
    timed = reading().recording.model_copy(update={"transcript": f"the text itself; {OWN_TIMES}"})
    assert firm(index_of(review(recording=timed))) == ['12<span class="length">100 % of the time</span>']
    assert firm(index_of(reading(), rows_of_a_table())) == ["12", "12"]
    assert firm(index_of(nothing())) == ["–"]


@pytest.mark.parametrize("documents", [(reading(),), (rows_of_a_table(),), (review(), rows_of_a_table())])
def test_what_has_no_time_has_no_mean_by_time(documents):
    page = index_of(*documents)
    assert {"Mean", "Shares"} <= set(headings(page))
    assert not {"Mean by time", "Of the time"} & set(headings(page))
    assert "those of texts without times by their words" in page
    assert page.count("of reading") == sum(one.recording.kind == "text" for one in documents)


def test_recordings_have_a_mean_by_time():
    page = index_of(review(), nothing())
    assert {"Mean by time", "Of the time"} <= set(headings(page))
    assert "those of texts without times" not in page
    assert "of reading" not in page


def test_the_report_of_a_text_weighs_words_where_there_is_no_time():
    assert "the mean of 12 utterances, weighted by words" in wording.headline(reading())[1]
    assert "<h3>Of the text</h3>" in reading().to_html()
    assert "<h3>Attribution, weighted by words</h3>" in reading().to_html()
    weak = doubted([1]).model_copy(update={"recording": reading().recording})
    assert wording.firmness(weak).startswith("11 of them firm, 92 % of the text: ")


def test_files_that_were_not_analysed_stand_in_the_index_with_their_reasons():
    page = index_of(review(), skipped={"b <i>.csv": "a table; name it", "a.pdf": "neither"})
    assert '<h2 id="skipped-title">Not analysed</h2>' in page
    assert page.index(">a.pdf</dt><dd>neither<") < page.index(">b &lt;i&gt;.csv</dt><dd>a table; name it<")
    assert "Not analysed" not in index_of(review())


def test_a_language_that_is_not_certain_is_told_in_the_index_and_in_the_terminals_table(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    page = index_of(uncertain())
    assert "The language is uncertain, or several are spoken: English 55%, Welsh 45%" in page
    outcomes = [
        Outcome(AnalysisTask(Path("x.mp4"), Path("out/x")), uncertain()),
        Outcome(AnalysisTask(Path("y"), Path("y")), review()),
    ]
    show_folder([FolderRow.of(one) for one in outcomes], {}, "out/index.html", as_json=False)
    out = capsys.readouterr().out
    assert "done; language: uncertain, treated as English (55% sure)" in out
    assert out.count("uncertain") == 1
