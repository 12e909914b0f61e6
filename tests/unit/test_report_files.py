"""Reports as folders, tables and the page over many: whole or absent, and harmless wherever they are opened."""

import csv
import io
import os
import re
import sys

import pytest

from makers_report import classified, nothing, reading, review
from sentiprism.errors import UserError
from sentiprism.report.analysis import Analysis
from sentiprism.report.files import DOCUMENT, INDEX, PAGE, TABLE, read_report, write_index, write_report
from sentiprism.report.options import ReportOptions
from sentiprism.report.page.index import Entry
from sentiprism.report.schema import Estimate

MP4 = b"\x00\x00\x00\x20ftypisom"


@pytest.mark.parametrize("make", [review, classified, nothing, reading])
def test_the_document_comes_back_from_json_digit_by_digit(make):
    document = make()
    assert Analysis.model_validate_json(document.to_json()) == document


def test_a_document_of_an_earlier_version_opens():
    assert Analysis.model_validate_json(review().to_json().replace('"model":{', '"judge":{', 1)) == review()


def test_a_report_is_page_document_and_table(tmp_path):
    page = write_report(review(), tmp_path / "report")
    assert page == tmp_path / "report" / PAGE
    assert sorted(file.name for file in page.parent.iterdir()) == sorted([PAGE, DOCUMENT, TABLE])
    assert read_report(page.parent) == review()
    assert page.read_text(encoding="utf-8") == review().to_html()
    assert os.listdir(tmp_path) == ["report"]


def test_a_report_takes_no_folders_place_unasked(tmp_path):
    write_report(review(), tmp_path / "report")
    with pytest.raises(UserError, match="exists already"):
        write_report(nothing(), tmp_path / "report")
    assert read_report(tmp_path / "report") == review()
    write_report(nothing(), tmp_path / "report", replace=True)
    assert read_report(tmp_path / "report") == nothing()


def test_a_report_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    write_report(review(), tmp_path / "report")
    monkeypatch.setattr(Analysis, "to_csv", lambda self: 1 / 0)
    for folder in ("report", "new"):
        with pytest.raises(ZeroDivisionError):
            write_report(nothing(), tmp_path / folder, replace=True)
    assert os.listdir(tmp_path) == ["report"]
    assert read_report(tmp_path / "report") == review()


def test_a_large_recording_lies_beside_the_page_under_a_plain_name(tmp_path):
    media = tmp_path / 'a "b" <c>.MP4'
    media.write_bytes(MP4 + b"\x01" * 1000)
    page = write_report(review(), tmp_path / "report", media, limit=100)
    assert (page.parent / "recording.mp4").read_bytes() == media.read_bytes()
    assert 'src="recording.mp4"' in page.read_text(encoding="utf-8")
    media.unlink()
    assert (page.parent / "recording.mp4").stat().st_size > 1000


def test_a_large_sound_is_beside_the_page_unless_voices_are_left_out(tmp_path):
    media = tmp_path / "voice.wav"
    media.write_bytes(b"RIFF\x00\x00\x00\x00WAVE" + b"\x01" * 1000)
    spoken = review(recording=review().recording.model_copy(update={"kind": "audio", "codec": None}))
    blurred, silent = ReportOptions(blur=("faces",)), ReportOptions(without=("voices",))
    page = write_report(spoken, tmp_path / "blurred", media, limit=100, options=blurred)
    assert (page.parent / "recording.wav").read_bytes() == media.read_bytes()
    assert 'src="recording.wav"' in page.read_text(encoding="utf-8"), "it has no face"
    page = write_report(spoken, tmp_path / "silent", media, limit=100, options=silent)
    assert not (page.parent / "recording.wav").exists()
    assert "<audio" not in page.read_text(encoding="utf-8")


def test_without_hard_links_the_recording_is_copied(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    media = tmp_path / "clip.mp4"
    media.write_bytes(MP4 + b"\x01" * 1000)
    page = write_report(review(), tmp_path / "report", media, limit=100)
    assert (page.parent / "recording.mp4").read_bytes() == media.read_bytes()


def test_a_recording_that_is_gone_and_a_place_that_is_a_file_are_said_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"report .* cannot be written: No such file"):
        write_report(review(), tmp_path / "report", tmp_path / "gone.mp4")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file is a file, and nothing can be written below it"):
        write_report(review(), tmp_path / "file" / "report")
    assert os.listdir(tmp_path) == ["file"]


def test_what_is_no_report_is_not_read(tmp_path):
    with pytest.raises(UserError, match="is not a report"):
        read_report(tmp_path)
    (tmp_path / DOCUMENT).write_text('{"format": 1}')
    with pytest.raises(UserError, match=r"analysis\.json: program is missing; analyse"):
        read_report(tmp_path)


def table_of(document):
    return list(csv.DictReader(io.StringIO(document.to_csv())))


def test_the_table_has_a_line_an_utterance_with_its_numbers():
    rows = table_of(review())
    assert len(rows) == 12
    for row, part in zip(rows, review().utterances, strict=True):
        assert float(row["value"]) == part.estimate.value
        assert float(row["low"]) == part.estimate.low
        assert float(row["contribution_audio"]) == part.contributions["audio"]
        assert row["text"] == part.text
        assert row["present"].split() == list(part.present)
        total = part.base + sum(float(row[f"contribution_{m}"]) for m in ("text", "audio", "vision"))
        assert total == pytest.approx(part.estimate.value)


def shown(page):
    return page[page.index("</style>") : page.index("<script")]


def test_no_number_is_a_negative_zero(tmp_path):
    part = review().utterances[0]
    estimate = Estimate(value=-0.0, low=-0.0, high=1e-9)
    zero = part.model_copy(update={"estimate": estimate, "contributions": dict.fromkeys(part.contributions, -0.0)})
    document = review(utterances=(zero,), summary=review().summary.model_copy(update={"mean": -0.0}))
    page = document.to_html()
    index = write_index(tmp_path, [Entry.of(document, "a/report.html")]).read_text(encoding="utf-8")
    for text in (document.to_csv(), shown(page), shown(index)):
        assert not re.search(r"[-\u2212]0(\.0+)?(?![\d.])", text)


def test_the_table_of_classes_has_their_probabilities():
    row, part = table_of(classified())[4], classified().utterances[4]
    assert row["class"] == "negative"
    assert [float(row[f"p_{name}"]) for name in ("negative", "neutral", "positive")] == list(
        part.estimate.probabilities
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "  =HYPERLINK(1)", "\n=1", "＝1", "\ufeff=1"])
def test_no_text_is_a_formula(text):
    part = review().utterances[0].model_copy(update={"text": text})
    assert table_of(review(utterances=(part,)))[0]["text"] == f"'{text}"


def test_a_text_that_is_no_formula_stays_as_it_is():
    for text in ("a = b", 'say "hi", you', "über\nzwei", "2 - 3"):
        part = review().utterances[0].model_copy(update={"text": text})
        assert table_of(review(utterances=(part,)))[0]["text"] == text


def test_names_of_classes_are_no_formulas_either():
    head = classified(("=1+1", "b")).to_csv().splitlines()
    assert head[0].split(",")[5:8] == ["class", "p_=1+1", "p_b"]
    assert any(",'=1+1," in line for line in head[1:])


def test_the_data_frame_is_the_table_with_texts_as_they_are():
    part = review().utterances[0].model_copy(update={"text": "=1"})
    frame = review(utterances=(part, *review().utterances[1:])).to_dataframe()
    assert len(frame) == 12
    assert frame.text[0] == "=1"
    assert list(frame.columns) == review().to_csv().splitlines()[0].split(",")
    assert frame.value.mean() == pytest.approx(sum(p.estimate.value for p in review().utterances) / 12)


@pytest.mark.parametrize(("library", "use"), [("pandas", Analysis.to_dataframe), ("jinja2", Analysis.to_html)])
def test_a_missing_library_is_named(monkeypatch, library, use):
    from sentiprism.report.page import template

    template._environment.cache_clear()
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"{library} is not installed; pip install .*\[media\]"):
        use(review())


def test_the_index_lists_recordings_by_name_and_what_failed_with_its_reason(tmp_path):
    entries = [
        Entry.of(
            document.model_copy(update={"recording": document.recording.model_copy(update={"name": name})}),
            f"{name}/report.html",
        )
        for document, name in ((review(), "b <i>.mp4"), (nothing(), "A #1.mp4"), (classified(), "c.mp4"))
    ]
    page = write_index(tmp_path, entries, {"bad <x>.mp4": "bad <x>.mp4 is empty; give a video"}).read_text(
        encoding="utf-8"
    )
    assert (tmp_path / INDEX).is_file()
    assert page.index("A #1.mp4") < page.index("b &lt;i&gt;.mp4") < page.index(">c.mp4")
    assert 'href="A%20%231.mp4/report.html"' in page
    assert "bad &lt;x&gt;.mp4 is empty; give a video" in page
    assert "1 failed" in page
    assert "No speech was found in the sound." in page
    assert "+0.38" in page
    assert "Mean by time" in page
    assert "starter: from −3 (most negative) to +3 (most positive)" in page
    assert "emotions: negative, neutral, positive" in page
    assert "default-src &#39;none&#39;" in page
    assert "<i>" not in page
