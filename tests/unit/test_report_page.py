"""The report's page: whole in itself, text is never code, and the numbers are the document's."""

import re
from base64 import b64decode, b64encode
from hashlib import sha256

import pytest

from makers_page import HEADS, Page, file_of
from makers_report import classified, curves, hour, nothing, reading, review
from sentiprism.report import wording
from sentiprism.report.page.payload import payload
from sentiprism.report.page.playable import media_type
from sentiprism.report.page.recording import render
from sentiprism.report.schema import Recording

EVIL = (
    "</script><script>alert(1)</script><img src=x onerror=alert()>\"'`{{ 7 }} & \u2028\u2029 \u202e 你好 \u200f\u05e9"
)


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
    ("given", "reason"), [(b"RIFF\x24\x00\x00\x00AVI LIST", "cannot play this kind"), (None, "not part of this page")]
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


def test_the_page_of_an_hour_is_small():
    document = hour(curves=tuple(2 * curves(3600.0, 1.0)))  # ten curves of a value a second
    assert len(document.utterances) == 1008
    assert len(render(document).encode()) < 3_000_000
