"""Reports to share: faces are blurred in every picture, and no sound is left, looked for in the pixels."""

import io
import re
from base64 import b64decode, b64encode

import av
import numpy as np
import pytest

from makers_media import make_media, pictures, sine
from makers_report import review
from sentiprism.features.extractors.face import Face, landmarker
from sentiprism.features.landmarks import PLACE, box
from sentiprism.features.track import Track
from sentiprism.media.types import Frame
from sentiprism.report.faces import CELLS, WHOLE, hide, tracked_boxes
from sentiprism.report.files import PICTURE, write_report
from sentiprism.report.options import ReportOptions
from sentiprism.report.page.playable import encode_sound
from sentiprism.report.page.recording import render
from sentiprism.report.stills import take_stills

BLURRED, SILENT = ReportOptions(blur=("faces",), picture=True), ReportOptions(without=("voices",))
DURATION = 2.0


@pytest.fixture(scope="module")
def film(strong_expressions, face_landmarker, tmp_path_factory):
    """Two seconds of a real face with a tone; nobody is in the last pictures."""
    images = pictures(strong_expressions / "WolfgangLanger_Pexels.mp4", 12)
    images += [np.random.default_rng(0).integers(0, 255, images[0].shape).astype(np.uint8)] * 8
    place = tmp_path_factory.mktemp("film") / "film.mp4"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENTIPRISM_HOME", str(place.parent / "home"))
        yield make_media(
            place, images=images, fps=10, codec="libx264", samples=sine(DURATION, 16_000), audio_codec="aac"
        )


def of(film, **changes):
    recording = review().recording.model_copy(update={"codec": "h264", "duration": DURATION, "name": film.name})
    parts = [one.model_copy(update={"start": one.start / 15, "end": one.end / 15}) for one in review().utterances]
    return review(recording=recording, utterances=tuple(parts), curves=(), windows=(), **changes)


def decoded(jpeg: bytes) -> np.ndarray:
    with av.open(io.BytesIO(jpeg), format="mjpeg") as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")


def detail(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image.astype(float), axis=1)).mean())


def test_faces_are_blurred_with_a_margin_and_the_rest_is_not(film):
    plain, hidden = take_stills(film, "h264", DURATION, every=True), take_stills(film, "h264", DURATION, blur=True)
    assert [one.time for one in hidden] == [one.time for one in plain]
    seen = 0
    with landmarker() as detect:
        for before, after in zip(plain, hidden, strict=True):
            a, b = decoded(before.image), decoded(after.image)
            faces = detect(a).face_landmarks
            assert not detect(b).face_landmarks, f"a face is left at {after.time}"
            if not faces:
                continue
            seen += 1
            left, top, right, bottom = box(np.array([(p.x, p.y, p.z) for p in faces[0]])) * (320, 180, 320, 180)
            rows, columns = slice(int(top), int(bottom)), slice(int(left), int(right))
            assert detail(b[rows, columns]) < detail(a[rows, columns]) / 2
            assert np.abs(b[rows, columns].astype(float) - a[rows, columns]).mean() > 5
            away = np.s_[:, : max(int(left - (right - left)), 0)]
            assert a[away].size
            assert np.abs(b[away].astype(float) - a[away]).mean() < 4, "what is not a face is as it was"
    assert seen >= 4


def test_a_picture_in_which_no_face_is_found_is_blurred_as_a_whole(film):
    last = decoded(take_stills(film, "h264", DURATION, blur=True)[-1].image)
    assert detail(last) < 5, "noise before"
    noise = np.random.default_rng(1).integers(0, 255, (90, 160, 3)).astype(np.uint8)
    assert len(np.unique(hide(noise, []).reshape(-1, 3), axis=0)) <= WHOLE**2


def test_boxes_have_a_margin_end_at_the_edges_and_follow_the_track():
    image = np.random.default_rng(2).integers(0, 255, (100, 200, 3)).astype(np.uint8)
    hidden = hide(image, [(0.4, 0.4, 0.6, 0.6), (-0.2, 0.9, 0.1, 1.3)])
    changed = (hidden != image).any(axis=2)
    assert changed[32:68, 64:136].mean() > 0.9
    assert not changed[:30].any()
    assert not changed[40:60, :60].any()
    assert changed[85:, :20].mean() > 0.9
    assert len(np.unique(hidden[33:67, 65:135].reshape(-1, 3), axis=0)) <= CELLS**2
    assert (hide(image, [(1.2, 1.2, 1.4, 1.4)]) == image).all(), "outside of the picture"
    values = np.zeros((1, len(Face.recipe.columns)), np.float32)
    values[0, [Face.recipe.columns.index(name) for name in PLACE]] = 0.04, 0.5, 0.5
    track = Track(np.array([1.0]), values)
    (found,) = tracked_boxes([track], Frame(1.4, image))
    assert (found[2] - found[0]) * 200 == pytest.approx((found[3] - found[1]) * 100), "square in pixels"
    assert (found[2] - found[0]) * (found[3] - found[1]) > 0.04
    assert list(tracked_boxes([track], Frame(1.6, image))) == []


def test_no_picture_of_a_page_shows_a_face_and_the_sound_is_kept_unless_left_out(film):
    page = render(of(film), film, options=BLURRED)
    assert "<video" not in page
    assert b64encode(film.read_bytes()[:600]).decode() not in page
    assert 'src="data:audio/mp4;base64,' in page
    assert "media-src data:; img-src data:" in page
    assert "stills with blurred faces" in page
    found = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)
    assert len(found) >= 4
    with landmarker() as detect:
        assert not any(detect(decoded(b64decode(one))).face_landmarks for one in found)
    silent = render(of(film), film, options=BLURRED.model_copy(update={"without": ("voices",)}))
    assert "<audio" not in silent
    assert "media-src" not in silent
    assert "The sound is left out." in silent
    seen = render(of(film), film, options=SILENT)
    assert "<audio" not in seen
    assert "<video" not in seen
    assert "data:image/jpeg" in seen
    assert "blurred" not in seen
    assert "<video" in render(of(film), film)


def test_a_report_that_hides_has_no_copy_of_the_recording(film, tmp_path):
    write_report(of(film), tmp_path / "shown", film, limit=0)
    assert (tmp_path / "shown" / "recording.mp4").is_file()
    write_report(of(film), tmp_path / "hidden", film, limit=0, options=BLURRED)
    assert {one.name for one in (tmp_path / "hidden").iterdir()} == {
        "report.html", "analysis.json", "utterances.csv", PICTURE,
    }  # fmt: skip
    with landmarker() as detect:
        assert not detect(decoded((tmp_path / "hidden" / PICTURE).read_bytes())).face_landmarks
    assert "too long for this page" in (tmp_path / "hidden" / "report.html").read_text(), "of 0 bytes"


def test_sound_alone_is_what_was_said():
    made = encode_sound(sine(1.5, 16_000), 16_000)
    assert made == encode_sound(sine(1.5, 16_000), 16_000)
    with av.open(io.BytesIO(made)) as file:
        found = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(found[:16_000]))
    assert len(found) == pytest.approx(24_000, abs=2_100)
    assert spectrum.argmax() == pytest.approx(440, abs=2)
