"""Exports of an analysis, read by the parsers of the programs that they are for."""

import csv
import io
from itertools import pairwise

import pyarrow.parquet as pq
import pytest

from makers_report import classified, nothing, review
from makers_speakers import conversation
from sentiprism.errors import UserError
from sentiprism.media.transcripts import read_transcript
from sentiprism.report.exports import EXPORTS, exports_in, write_exports
from sentiprism.report.files import is_report, write_report
from sentiprism.report.measurements import COLUMNS
from sentiprism.report.table import rows

HOSTILE = 'say "stop" <b>&amp; ]]> \x1b[31m \x00\n\n1\n00:00:01,000 --> 00:00:02,000\n=1+1 \N{GRINNING FACE}'


def changed(number: int, **values):
    """The review with another utterance of a number."""
    parts = [one.model_copy(update=values) if one.number == number else one for one in review().utterances]
    return review(utterances=tuple(parts))


def two_faces():
    """Each utterance is estimated with both faces."""
    parts = [
        one.model_copy(update={"face": face, "number": 2 * one.number - 2 + face})
        for one in review().utterances
        for face in (1, 2)
    ]
    return review(utterances=tuple(parts))


def crowded():
    """Words that reach beyond their utterance, go back in time or have no length."""
    first = review().utterances[0]
    words = [
        word.model_copy(update={"start": time, "end": time})
        for word, time in zip(first.words, [9, 0, 0] * 9, strict=False)
    ]
    return changed(1, words=tuple(words), start=0.0, end=0.004)


@pytest.fixture(params=["review", "hostile", "faces", "crowded", "classes", "nothing", "conversation"])
def analysis(request):
    made = {
        "review": review, "hostile": lambda: changed(2, text=HOSTILE), "faces": two_faces, "crowded": crowded,
        "classes": classified, "nothing": nothing, "conversation": conversation,
    }  # fmt: skip
    return made[request.param]()


def opened_by_elan(folder):
    from pympi import Elan

    return Elan.Eaf(folder / "analysis.eaf")


def opened_by_praat(folder):
    from praatio import textgrid

    return textgrid.openTextgrid(str(folder / "analysis.TextGrid"), includeEmptyIntervals=True, reportingMode="error")


def test_elan_and_praat_read_the_same_annotations(analysis, tmp_path):
    write_exports(analysis, tmp_path, ["elan", "textgrid"])
    elan, praat = opened_by_elan(tmp_path), opened_by_praat(tmp_path)
    assert set(praat.tierNames) - set(elan.get_tier_names()) <= {"utterances"}
    for name in elan.get_tier_names():
        found = sorted((start, end, text) for start, end, text, *_ in elan.get_annotation_data_for_tier(name))
        entries = praat.getTier(name).entries
        assert [(round(1000 * e.start), round(1000 * e.end), e.label) for e in entries if e.label] == [
            one for one in found if one[2]
        ]
        assert entries[0].start == 0
        assert entries[-1].end == pytest.approx(max(analysis.recording.duration, found[-1][1] / 1000))
        assert all(a.end == b.start for a, b in pairwise(entries)), "every moment has an interval"
        parent = elan.get_parameters_for_tier(name).get("PARENT_REF")
        if parent is not None:
            own = [(start, end) for start, end, *_ in elan.get_annotation_data_for_tier(parent)]
            assert all(any(a <= start < end <= b for a, b in own) for start, end, _ in found)
    spoken = sum(len(elan.get_annotation_data_for_tier(n)) for n in elan.get_tier_names() if n.startswith("utterances"))
    assert spoken == len(analysis.utterances)


def test_tiers_hold_words_estimates_and_each_modality(tmp_path):
    write_exports(review(), tmp_path, ["elan"])
    elan = opened_by_elan(tmp_path)
    assert set(elan.get_tier_names()) == {
        "utterances", "words", "sentiment", "sentiment_low", "sentiment_high", "text", "audio", "vision",
        "weight_text", "weight_audio", "weight_vision",
    }  # fmt: skip
    one = review().utterances[1]
    at = round(500 * (one.start + one.end))
    for name, value in (("utterances", one.text), ("sentiment", f"{one.estimate.value:.3f}"), ("audio", "0.200")):
        assert [found[2] for found in elan.get_annotation_data_at_time(name, at)] == [value]
    words = elan.get_annotation_data_between_times("words", round(1000 * one.start), round(1000 * one.end))
    assert [word[2] for word in words] == one.text.split()
    assert [word[0] for word in words] == [round(1000 * word.start) for word in one.words]
    assert "vision" not in [n for n in elan.get_tier_names() if elan.get_annotation_data_at_time(n, 8_000)], "no face"
    assert elan.get_linked_files()[0]["RELATIVE_MEDIA_URL"] == "./phone%20review.mp4"


def test_several_faces_have_tiers_of_their_own(tmp_path):
    write_exports(two_faces(), tmp_path, ["elan", "srt"])
    elan = opened_by_elan(tmp_path)
    assert {"sentiment", "face", "sentiment@2", "face@2"} <= set(elan.get_tier_names())
    assert {one[2] for one in elan.get_annotation_data_for_tier("face@2")} == {"2"}
    assert "; face 2; " in (tmp_path / "analysis.srt").read_text()


def test_speakers_have_tiers_labels_and_measurements_of_their_own(tmp_path):
    made = conversation()
    write_exports(made, tmp_path, ["elan", "textgrid", "srt", "csv"])
    elan = opened_by_elan(tmp_path)
    assert {"utterances@S1", "words@S1", "sentiment@S2", "vision@S2"} <= set(elan.get_tier_names())
    assert {elan.get_parameters_for_tier(f"{tier}@S2")["PARTICIPANT"] for tier in ("utterances", "words")} == {"S2"}
    own = [one.text for one in made.utterances if one.speaker == "S2"]
    assert [one[2] for one in elan.get_annotation_data_for_tier("utterances@S2")] == own
    assert "utterances@S1" in opened_by_praat(tmp_path).tierNames
    cues = read_transcript(tmp_path / "analysis.srt")
    assert [cue.text.partition(":")[0] for cue in cues] == [one.speaker for one in made.utterances]
    lines = list(csv.DictReader(io.StringIO((tmp_path / "measurements.csv").read_text("utf-8-sig"))))
    level = [one for one in lines if one["level"] == "speaker"]
    spoken = {one["speaker"]: float(one["value"]) for one in level if one["measure"] == "speech"}
    assert spoken == {name: pytest.approx(one.speech) for name, one in made.speakers.items()}
    assert sum(spoken.values()) == pytest.approx(made.summary.speech)
    assert {one["speaker"] for one in lines if one["level"] == "word"} == {"S1", "S2"}
    columns, body = rows(made)
    assert [line[columns.index("speaker")] for line in body] == [one.speaker for one in made.utterances]
    assert "speaker" not in rows(review())[0]
    page = made.to_html()
    assert "By speaker" in page
    assert '"speaker":"S2"' in page
    assert "By speaker" not in review().to_html()


def test_the_certainty_that_a_face_speaks_has_a_tier_and_a_column(tmp_path):
    document = changed(1, speaking=0.93, face=1)
    write_exports(document, tmp_path, ["elan"])
    assert [one[2] for one in opened_by_elan(tmp_path).get_annotation_data_for_tier("speaking")] == ["0.930"]
    columns, body = rows(document)
    assert [row[columns.index("speaking")] for row in body] == [0.93, *[None] * 11]
    assert body[0][columns.index("face")] == 1
    assert "speaking" not in rows(review())[0], "it was not measured"
    assert [body[0].pop(columns.index("speaking")), body[0]] == [0.93, rows(changed(1, face=1))[1][0]]


def test_subtitles_show_the_estimate_below_the_words(analysis, tmp_path):
    (path,) = write_exports(analysis, tmp_path, ["srt"])
    if not analysis.utterances:
        assert path.read_text() == ""
        return
    cues = read_transcript(path)
    assert len(cues) == len(analysis.utterances), "no text begins a cue of its own"
    assert [round(cue.start, 3) for cue in cues] == sorted(round(one.start, 3) for one in analysis.utterances)
    assert all("[" in cue.text for cue in cues)


def test_what_a_subtitle_says(tmp_path):
    (path,) = write_exports(review(), tmp_path, ["srt"])
    assert path.read_text().split("\n\n")[1] == (
        "2\n00:00:01,300 --> 00:00:02,350\nand honestly the screen is gorgeous, I love looking at it\n"
        "[+2.10 (+1.00 to +3.00); text +1.50, audio +0.20, vision +0.30]"
    )
    write_exports(classified(), tmp_path, ["srt"])
    assert "[positive 0." in path.read_text()


def test_tables_have_one_row_a_measurement(analysis, tmp_path):
    write_exports(analysis, tmp_path, ["csv", "parquet"])
    lines = list(csv.DictReader(io.StringIO((tmp_path / "measurements.csv").read_text("utf-8-sig"))))
    table = pq.read_table(tmp_path / "measurements.parquet").to_pylist()
    assert list(lines[0]) == ["recording", *COLUMNS]
    assert len(lines) == len(table)
    assert [float(one["value"]) for one in lines] == [one["value"] for one in table]
    spoken = [one for one in table if one["level"] == "utterance"]
    assert len({(one["utterance"], one["measure"]) for one in spoken}) == len(spoken)
    for part in analysis.utterances:
        own = {one["measure"]: one for one in spoken if one["utterance"] == part.number}
        if not analysis.model.target.classes:
            assert own["sentiment"]["value"] == part.estimate.value
            assert own["sentiment"]["unit"] == "scale -3 to 3"
        assert {f"contribution_{name}" for name in part.present} <= own.keys()
    assert not any(line["text"].startswith("=") for line in lines)


def test_a_report_with_exports_is_a_report_and_unknown_ones_are_refused(tmp_path):
    write_report(review(), tmp_path / "report")
    write_exports(review(), tmp_path / "report", EXPORTS)
    assert is_report(tmp_path / "report")
    assert exports_in(tmp_path / "report") == list(EXPORTS)
    first = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    write_exports(review(), tmp_path / "report", EXPORTS)
    assert {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()} == first
    with pytest.raises(UserError, match="did you mean 'elan'"):
        write_exports(review(), tmp_path / "report", ["elann"])
