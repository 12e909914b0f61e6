"""Still pictures of recordings whose moving picture browsers do not show."""

import io

import av
import numpy as np
import pytest

from makers_media import grey, make_media
from makers_report import nothing, review
from sentiprism.report.page.recording import render
from sentiprism.report.stills import COUNT, LONGEST, take_stills

LEVELS = (30, 90, 150, 210)
"""Brightness of each second."""


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    images = [grey(level, 640, 480) for level in LEVELS for _ in range(10)]
    return make_media(tmp_path_factory.mktemp("film") / "film.avi", images=images, fps=10)


def brightness(image):
    with av.open(io.BytesIO(image), format="mjpeg") as file:
        frame = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert max(frame.shape) == LONGEST
    return float(frame.mean())


def test_pictures_are_taken_all_along_and_always_alike(film):
    found = take_stills(film, "mpeg4", 4.0)
    assert 12 <= len(found) <= COUNT
    assert take_stills(film, "mpeg4", 4.0) == found
    for still in found:
        assert brightness(still.image) == pytest.approx(LEVELS[min(int(still.time + 1e-6), 3)], abs=6)
    assert sum(len(still.image) for still in found) < 300_000


def test_where_browsers_show_the_picture_none_is_taken(film):
    assert take_stills(film, "h264", 4.0) == []
    assert take_stills(film, None, 4.0) == []


def test_a_damaged_recording_has_the_pictures_that_are_good(film, tmp_path):
    damaged = tmp_path / "damaged.avi"
    damaged.write_bytes(film.read_bytes()[:2000])
    assert take_stills(damaged, "mpeg4", 4.0) == []


def of(codec, make=review):
    document = make()
    return document.model_copy(update={"recording": document.recording.model_copy(update={"codec": codec})})


@pytest.mark.parametrize("make", [review, nothing])
def test_the_page_shows_them_in_the_place_of_a_player(film, make):
    page = render(of("mpeg4", make), film)
    assert "img-src data:;" in page
    assert '<img id="picture"' in page
    assert "<video" not in page
    assert "the pictures are stills, one about every" in page
    other = render(of("h264", make), film)
    assert "img-src" not in other
    assert "<img" not in other


def test_a_player_that_may_have_no_picture_has_a_poster(tmp_path):
    film = make_media(tmp_path / "film.mp4", images=[np.asarray(grey(90))] * 20)
    page = render(of("mpeg4"), film)
    assert 'poster="data:image/jpeg;base64,' in page
    assert 'alt="Still picture of the recording" hidden>' in page
