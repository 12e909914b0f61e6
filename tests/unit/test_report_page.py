"""The report's page: whole in itself, text is never code, and the numbers are the document's."""

import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from makers_report import classified, curves, nothing, reading, review
from sentiprism.report.document import Estimate, Recording
from sentiprism.report.page import render, wording
from sentiprism.report.page.payload import payload
from sentiprism.report.page.playable import media_type
from sentiprism.report.tally import count_utterances
from sentiprism.types import TargetSpec

EVIL = (
    "</script><script>alert(1)</script><img src=x onerror=alert()>\"'`{{ 7 }} & \u2028\u2029 \u202e 你好 \u200f\u05e9"
)
MATROSKA = b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82"
HEADS = {
    "clip.mp4": (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
    "voice.m4a": (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
    "clip.webm": (MATROSKA + b"\x84webm", "video/webm"),
    "clip.mkv": (MATROSKA + b"\x88matroska", "video/x-matroska"),
    "voice.wav": (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
    "voice.mp3": (b"ID3\x04\x00", "audio/mpeg"),
    "bare.mp3": (b"\xff\xfb\x90\x64", "audio/mpeg"),
    "voice.flac": (b"fLaC\x00", "audio/flac"),
    "voice.ogg": (b"OggS\x00", "video/ogg"),
    "clip.avi": (b"RIFF\x24\x00\x00\x00AVI LIST", None),
    "text.mp4": (b"file 'http://example.org/x.mp4'", None),
    "page.mp4": (b"<html><script>", None),
    "empty.mp4": (b"", None),
}  # fmt: skip


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and the text between."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self._inside, self._fresh = [], [], [], True
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)
        self._fresh = True

    def handle_endtag(self, tag):
        self._inside.append("")  # what follows is of no element that a test asks for
        self._fresh = True

    def handle_data(self, data):
        if self._fresh:  # the parser hands out the text of an element in pieces
            self.texts.append((self._inside[-1] if self._inside else "", data))
        else:
            self.texts[-1] = (self.texts[-1][0], self.texts[-1][1] + data)
        self._fresh = False

    def of(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def inside(self, tag):
        return [text for name, text in self.texts if name == tag]

    @property
    def policy(self):
        return next(meta["content"] for meta in self.of("meta") if meta.get("http-equiv"))

    @property
    def data(self):
        return json.loads(self.inside("script")[0])


def file_of(tmp_path, name, head, size=0):
    path = tmp_path / name
    path.write_bytes(head + b"\x00" * size)
    return path


def document_of(text):
    """A document that says ``text`` wherever it says what others wrote."""
    part = review().utterances[0]
    word = part.words[0].model_copy(update={"text": text})
    return review(
        recording=Recording(name=text, content="00", kind="video", duration=15.0, language=text, transcript=text),
        utterances=(part.model_copy(update={"text": text, "words": (word,)}), *review().utterances[1:]),
        notes=(text,),
        details={text: text},
    )


@pytest.mark.parametrize("make", [review, classified, nothing, reading])
def test_the_page_forbids_everything_but_its_own_style_and_script(make):
    page = Page(render(make()))
    assert page.policy.startswith("default-src 'none'")
    assert not re.search(r"unsafe|\*|https?:", page.policy)
    for tag, text, directive in (
        ("style", page.inside("style")[0], "style"),
        ("script", page.inside("script")[1], "script"),
    ):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{directive}-src 'sha256-{digest}'" in page.policy, tag
    assert not [attrs for _, attrs in page.elements if "style" in attrs or any(key.startswith("on") for key in attrs)]
    assert all(
        value.startswith(("#", "data:"))
        for _, attrs in page.elements
        for key, value in attrs.items()
        if key in {"src", "href"}
    )
    assert "url(" not in page.inside("style")[0].replace('url("#', "")
    assert not re.search(
        r"@import|fetch\(|XMLHttpRequest|innerHTML|insertAdjacentHTML|document\.write|eval\(", render(make())
    )


def test_text_is_shown_as_text_wherever_it_comes_from():
    document = document_of(EVIL)
    page, harmless = Page(render(document)), Page(render(document_of("a")))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in harmless.elements]
    assert page.inside("h1") == [EVIL]
    assert EVIL in page.inside("td")
    assert page.data["utterances"][0]["text"] == page.data["utterances"][0]["words"][0][0] == EVIL
    source = render(document)
    embedded = source[source.index('id="analysis"') :]
    assert not set("<>&\u2028\u2029") & set(embedded[embedded.index(">") + 1 : embedded.index("</script>")])


def test_the_page_depends_on_the_document_alone():
    assert render(review()) == render(review())
    assert render(review()) != render(review(notes=("other",)))


def test_the_data_are_the_documents_rounded_to_what_can_be_seen():
    document = review()
    data = payload(document)
    for shown, part in zip(data["utterances"], document.utterances, strict=True):
        assert shown["estimate"]["v"] == pytest.approx(part.estimate.value, abs=5e-4)
        assert shown["estimate"]["lo"] == pytest.approx(part.estimate.low, abs=5e-4)
        assert {name: pytest.approx(value, abs=5e-4) for name, value in part.contributions.items()} == shown["parts"]
        assert [word[0] for word in shown["words"]] == [word.text for word in part.words]
    for shown, curve in zip(data["curves"], document.curves, strict=True):
        assert data["times"][shown["times"]] == pytest.approx(list(curve.times), abs=5e-4)
        assert [value is None for value in shown["values"]] == [value is None for value in curve.values]
    assert len(data["times"]) == 2  # voice and face: curves share them


def test_the_table_holds_the_estimates_and_contributions_of_every_utterance():
    document = review()
    cells = Page(render(document)).inside("td")
    for part in document.utterances:
        assert part.text in cells
        assert wording.signed(part.estimate.value) in cells
        assert wording.signed(part.contributions["text"]) in cells
    assert [row["id"] for row in Page(render(document)).of("tr") if "id" in row] == [f"row-{n}" for n in range(1, 13)]


@pytest.mark.parametrize("name", HEADS)
def test_what_browsers_play_is_told_by_content(tmp_path, name):
    head, kind = HEADS[name]
    assert media_type(file_of(tmp_path, name, head, 100)) == kind


def test_a_small_recording_is_in_the_page(tmp_path):
    media = file_of(tmp_path, "x.mp4", HEADS["clip.mp4"][0], 500)
    page = Page(render(review(), media))
    kind, _, data = page.of("video")[0]["src"].partition(",")
    assert kind == "data:video/mp4;base64"
    assert b64decode(data) == media.read_bytes()
    assert "media-src data:;" in page.policy


def test_a_large_recording_is_a_link_to_a_file_beside_the_page(tmp_path):
    media = file_of(tmp_path, 'a "b" #1?.mp4', HEADS["clip.mp4"][0], 500)
    page = Page(render(review(), media, limit=400))
    assert page.of("video")[0]["src"] == "a%20%22b%22%20%231%3F.mp4"
    assert "media-src 'self' file:;" in page.policy
    assert Page(render(review(), media, name="recording.mp4", limit=400)).of("video")[0]["src"] == "recording.mp4"


@pytest.mark.parametrize(
    ("given", "reason"), [(b"RIFF\x24\x00\x00\x00AVI LIST", "not playable here"), (None, "not part of this page")]
)
def test_a_recording_that_cannot_be_played_is_a_note(tmp_path, given, reason):
    media = None if given is None else file_of(tmp_path, "x.avi", given)
    page = Page(render(review(), media))
    assert not page.of("video")
    assert not page.of("audio")
    assert reason in "".join(page.inside("p"))
    assert "media-src" not in page.policy


def test_sound_without_a_picture_has_a_player_of_its_own(tmp_path):
    recording = Recording(name="voice.wav", content="00", kind="audio", duration=15.0)
    page = Page(render(review(recording=recording), file_of(tmp_path, "voice.wav", HEADS["voice.wav"][0])))
    assert page.of("audio")
    assert not page.of("video")


def test_the_summary_says_what_the_numbers_say():
    document = review()
    assert wording.headline(document) == (
        "Mixed, neutral on average",
        "+0.38 on a scale from −3 (most negative) to +3 (most positive): the mean of 12 utterances, weighted by time, "
        "all of them firm.",
    )
    assert [(moment.label, moment.part.number) for moment in wording.moments(document)] == [
        ("Most positive", 12),
        ("Most negative", 5),
    ]
    assert sum(share.share for share in wording.shares(document)) == pytest.approx(1)
    assert sum(share.share for share in wording.modality_shares(document)) == pytest.approx(1)


def test_the_weaker_end_of_a_one_sided_recording_is_called_so():
    low, high = (
        part.model_copy(update={"estimate": Estimate(value=value)})
        for part, value in zip(review().utterances, (0.8, 2.0), strict=False)
    )
    summary = review().summary.model_copy(update={"lowest": 1, "highest": 2})
    two = review(utterances=(low, high), summary=summary)
    assert [moment.label for moment in wording.moments(two)] == ["Most positive", "Least positive"]
    alone = review(utterances=(high,), summary=summary.model_copy(update={"lowest": 2}))
    assert [moment.label for moment in wording.moments(alone)] == ["The one utterance"]


def test_an_end_that_is_neutral_is_called_so():
    low, high = (
        part.model_copy(update={"estimate": Estimate(value=value)})
        for part, value in zip(review().utterances, (-0.4, 2.0), strict=False)
    )
    summary = review().summary.model_copy(update={"lowest": 1, "highest": 2})
    labels = [moment.label for moment in wording.moments(review(utterances=(low, high), summary=summary))]
    assert labels == ["Most positive", "Most negative, yet neutral"]


def test_an_utterance_that_is_judged_with_several_faces_is_one():
    faces = [part.model_copy(update={"face": face}) for part in review().utterances[:1] for face in (1, 2)]
    both = review(utterances=tuple(one.model_copy(update={"number": one.face}) for one in faces))
    assert count_utterances(both.utterances) == (1, 1, 2)
    assert (
        "the mean of one utterance, judged once with each face that is seen, weighted by time"
        in (wording.headline(both)[1])
    )
    summary = both.summary.model_copy(update={"highest": 1, "lowest": 2})
    labels = [moment.label for moment in wording.moments(both.model_copy(update={"summary": summary}))]
    assert [label.rpartition(", ")[2] for label in labels] == ["face 1", "face 2"]


def test_what_is_not_there_has_no_share_and_what_is_not_shown_is_not_explained():
    assert [share.label for share in wording.modality_shares(reading())] == ["text"]
    weights, none = "<dt>Weights</dt>", "<dt>No interval</dt>"
    assert weights in render(review())
    assert weights not in render(reading())
    assert none not in render(review())
    assert none in render(review(judge=review().judge.model_copy(update={"level": None})))
    assert "the baseline prediction (the model without any input) (+0.10)" in render(review())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-3, "strongly negative"),
        (-1.6, "negative"),
        (-0.6, "slightly negative"),
        (0.4, "neutral"),
        (1.2, "slightly positive"),
        (3, "strongly positive"),
    ],
)
def test_an_intensity_in_words_is_the_same_on_every_scale(value, words):
    assert wording.mood(value, TargetSpec()) == words
    assert wording.mood(value / 3, TargetSpec(low=-1, high=1)) == words


def test_the_reader_is_told_what_is_neutral_and_that_amounts_have_no_sign():
    judge = review().judge
    other = judge.model_copy(update={"target": TargetSpec(low=1, high=5)})
    assert "0 is neutral" in render(review())
    assert "+3 is neutral" in render(review(judge=other))
    assert "a contribution of −1 counts as much as one of +1" in render(review())


def test_classes_are_named_with_their_probabilities():
    document = classified()
    page = Page(render(document))
    assert wording.headline(document)[0] in {"Mostly positive", "Most often positive"}
    assert not page.of("a") or all("moment" not in (link.get("class") or "") for link in page.of("a"))
    assert page.data["target"]["classes"] == ["negative", "neutral", "positive"]
    assert sum(page.data["utterances"][0]["estimate"]["p"]) == pytest.approx(1, abs=1e-3)


def test_a_recording_without_utterances_is_a_page_that_says_why():
    page = Page(render(nothing()))
    shown = " ".join(text for _, text in page.texts)
    assert "Nothing to judge" in shown
    assert "No speech was found in the sound." in page.inside("li")
    assert not page.of("table")


def test_a_text_of_which_the_words_were_dropped_is_said_to_be_in_another_language():
    judge = review().judge.model_copy(update={"language": "en"})
    text = reading().recording.model_copy(update={"language": "de", "language_mismatch": "dropped"})
    assert wording.headline(nothing(recording=text, judge=judge)) == (
        "Not judged: the words are not in English",
        "Nothing in this text could be judged; the notes say why.",
    )
    assert wording.headline(nothing(recording=reading().recording, notes=())) == (
        "Nothing to judge",
        "No utterance was found in this text.",
    )


def test_a_text_has_a_time_line_of_reading_and_no_player():
    page = Page(render(reading()))
    assert "15.0 s of reading" in page.inside("li")
    timed = reading().recording.model_copy(update={"transcript": "the text itself; with its own times"})
    assert wording.facts(review(recording=timed))[:2] == ["text", "15.0 s"]
    assert page.data["modalities"] == ["text"]
    assert not page.of("video")
    assert "not part of this page" not in " ".join(page.inside("p"))


def long_document():
    """An hour: a thousand utterances and ten curves of a value a second."""
    utterances = [
        part.model_copy(
            update={"number": 12 * n + part.number, "start": 43.2 * n + part.start, "end": 43.2 * n + part.end}
        )
        for n in range(84)
        for part in review(43.2).utterances
    ]
    recording = review().recording.model_copy(update={"duration": 3628.8})
    return review(recording=recording, utterances=tuple(utterances), curves=tuple(2 * curves(3600.0, 1.0)))


def test_the_page_of_an_hour_is_small():
    assert len(long_document().utterances) == 1008
    assert len(render(long_document()).encode()) < 3_000_000
