"""The page Live in a real browser, whose microphone and camera play a real recording."""

import json
import re

import numpy as np
import pytest

from makers_analysis import features, saved_model
from makers_axe import faults_in_both_schemes
from makers_browser import expect, launch, launched
from makers_live import RATE, Received, fake_devices
from makers_media import make_media, pictures
from makers_processes import needs_proc
from makers_studio import SHARED, wait_for
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.options import Options
from sentiprism.analysis.streaming.analyzer import StreamAnalyzer
from sentiprism.analysis.streaming.events import UtteranceEnd
from sentiprism.serving.stream_messages import SOUND

pytestmark = needs_proc
CLIP = "0h-zjBukYpk_23.mp4"
SECONDS = 5.0
"""Of what is put together where the real clip is not at hand."""
WITHIN = 0.05
"""How far a prediction may be from that of the file: the browser resamples the sound, and pictures become JPEGs."""
PUNCTUATED = 0.3
"""The same where Whisper heard the same words of the resampled sound, but punctuates them in another way."""


@pytest.fixture(scope="module")
def clip(request, tmp_path_factory):
    """A real recording of a person who speaks into the camera; else a reading with the demo's face."""
    if SHARED.is_dir():
        return SHARED / "mosi_raw" / CLIP
    face = request.getfixturevalue("strong_expressions") / "WolfgangLanger_Pexels.mp4"
    sound = request.getfixturevalue("two_cities")[: round(SECONDS * RATE)]
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    return make_media(path, images=pictures(face, round(10 * SECONDS)), fps=10, samples=sound)


@pytest.fixture(scope="module")
def browser(clip, tmp_path_factory):
    with launched(*fake_devices(clip, tmp_path_factory.mktemp("devices"))) as opened:
        yield opened


@pytest.fixture
def model(studio, tmp_path):
    """A small model of words, voices and faces, among those of the studio."""
    return saved_model(studio.studio.workspace / "models" / "small", features(tmp_path / "text"))


def choose(page, address: str) -> None:
    """Choose the small model and English on the page Live."""
    page.goto(f"{address}/live")
    expect(page.locator("body[data-ready]")).to_be_attached()
    page.get_by_label("Model").select_option(label="models/small (mdf)")
    page.get_by_label("Language of the speech").select_option(label="English")


def events_of(page) -> list[dict]:
    """Utterances that the page is sent, collected while they come."""
    found: list[dict] = []

    def take(frame):
        message = json.loads(frame)
        if message["type"] == "event" and message["event"]["type"] == "utterance.end":
            found.append(message["event"]["utterance"])

    page.on("websocket", lambda socket: socket.on("framereceived", take))
    return found


def replayed(received: Received, options: Options) -> list[dict]:
    """Utterances of what was received, analysed anew in other pieces."""
    with StreamAnalyzer(options=options, interim=False) as analyzer:
        found = []
        for one in received.pieces:
            if one.kind != SOUND:
                analyzer.add_picture(one.data, one.time)
                continue
            half = len(one.data) // 4 * 2
            found += [*analyzer.add_sound(one.data[:half], one.time), *analyzer.add_sound(one.data[half:])]
        found += analyzer.finish()
        return [one.utterance.model_dump(mode="json") for one in found if isinstance(one, UtteranceEnd)]


def bare(text: str) -> str:
    """The words of a text without case and punctuation."""
    return re.sub(r"[^\w' ]", "", text).lower()


def starts(utterances: list[dict]) -> np.ndarray:
    """Where each word begins, in seconds."""
    return np.array([word["start"] for one in utterances for word in one["words"]])


def check_played(found: list[dict], expected: list[dict]) -> None:
    """Compare with the file that was played, of which a busy machine's browser plays some moments late.

    Whisper then hears the same words, but may place one of them elsewhere and punctuate in another way.
    """
    assert [bare(one["text"]) for one in found] == [bare(one["text"]) for one in expected]
    shifts = starts(found) - starts(expected)
    assert np.median(abs(shifts - np.median(shifts))) < 0.1, "most words begin where they do in the file"
    for one, other in zip(found, expected, strict=True):
        near = WITHIN if one["text"] == other["text"] else PUNCTUATED
        assert one["estimate"]["value"] == pytest.approx(other["estimate"]["value"], abs=near)
        assert one["contributions"] == pytest.approx(other["contributions"], abs=near)


def test_a_clip_before_microphone_and_camera_has_the_numbers_of_its_file(
    studio, watched, model, clip, whisper_base, face_landmarker, monkeypatch, tmp_path
):
    received = Received(monkeypatch)
    page = watched(studio.link, known="WebSocket")
    seen = events_of(page)
    choose(page, studio.address)
    page.locator("#agree").focus()
    for key in ("Enter", "Tab", "Tab", "Enter"):  # by keyboard alone: it is confirmed, then started
        page.keyboard.press(key)
    expect(page.locator("#state")).to_have_text("live")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    wait_for(lambda: len(received.sound) > 1.5 * RATE, "some sound")
    studio.cut_sockets()
    expect(page.locator("#state")).to_have_text("connection lost")
    expect(page.locator("#state")).to_have_text("live")
    expect(page.locator("#list > li").first).to_be_visible()
    page.keyboard.press("Enter")  # on Stop
    expect(page.locator("#state")).to_have_text("off")
    expect(page.locator("#told")).to_contain_text("Nothing was stored")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    assert float(page.locator("#delay").get_attribute("data-seconds")) >= 0.7, "the pause that ends an utterance"
    assert faults_in_both_schemes(page) == []
    expect(page.locator("#list > li")).to_have_count(len(seen))
    shown = page.locator("#list .value").all_inner_texts()[::-1]
    assert shown == [f"{one['estimate']['value']:+.2f}".replace("-", "−") for one in seen]
    options = Options(model=str(model), asr="base", language="en", streaming=True)
    again = replayed(received, options)
    assert seen == numbers(again)
    assert all("vision" in one["present"] for one in seen)
    file = make_media(tmp_path / "received.wav", samples=received.sound)
    received_file = json_of(analyze(file, options=options))
    assert [one["text"] for one in seen] == [one["text"] for one in received_file]
    assert list(starts(seen)) == list(starts(received_file))
    check_played(seen, json_of(analyze(clip, options=options)))
    assert not (studio.studio.workspace / "reports").exists(), "nothing is stored"
    wait_for(lambda: not any(one.pid for one in studio.studio.live._workers), "the end of the worker")


def json_of(analysis) -> list[dict]:
    return [one.model_dump(mode="json") for one in analysis.utterances]


def numbers(value):
    """The same value, whose numbers equal others up to 1e-6."""
    if isinstance(value, dict):
        return {key: numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [numbers(one) for one in value]
    return pytest.approx(value, abs=1e-6) if isinstance(value, float) else value


def test_an_objection_a_refused_permission_and_a_missing_microphone_open_nothing(
    studio, browser, model, face_landmarker, patience
):
    live = studio.studio.live
    for words, allowed, remedy in (
        (("--use-fake-device-for-media-stream",), ["geolocation"], "Allow both for this page"),  # no other ones
        ((), [], "A microphone was not found"),
    ):
        opened = launch(browser.browser_type, *words)
        page = opened.new_page()
        page.set_default_timeout(150_000)
        if allowed:
            page.context.grant_permissions(allowed)
        page.goto(studio.link)
        choose(page, studio.address)
        page.get_by_label("Recognize words").uncheck()
        page.get_by_role("button", name="Somebody objects").click()
        expect(page.locator("#told")).to_contain_text("Nothing was opened, and nothing was sent")
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
        page.get_by_role("button", name="Everybody knows").click()
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator("#told.notes")).to_contain_text(remedy)
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        opened.close()
        assert live.running == 0
