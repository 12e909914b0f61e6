"""JPEGs of a stream, decoded one by one in a process of its own."""

import numpy as np
import pytest

from makers_media import grey
from sentiprism.analysis.streaming.pictures import StreamPictures
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.media.jpeg import JpegDecoder
from sentiprism.media.types import Frame, Span
from sentiprism.report.stills import encode_jpeg

GREY = encode_jpeg(Frame(0.0, grey(100, 1280, 720)))


@pytest.fixture(scope="module")
def decoder():
    made = JpegDecoder()
    yield made
    made.close()


def test_a_picture_is_decoded_to_the_size_of_a_recordings_pictures(decoder):
    image = decoder.decode(GREY)
    assert image.shape == (360, 640, 3)
    assert np.abs(image.astype(int) - 100).max() <= 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        GREY[:2],
        GREY[: len(GREY) // 2],
        GREY[:4] + b"\xff" * 4000,
        b"\xff\xd8" + bytes(2_000_000),
    ],
    ids=["empty", "text", "start", "half", "garbage", "too large"],
)
def test_a_broken_picture_is_lost_alone(decoder, data):
    assert decoder.decode(data) is None
    assert decoder.decode(GREY) is not None


def test_a_picture_of_too_many_pixels_is_refused(decoder):
    head = GREY.index(b"\xff\xc0")
    large = GREY[: head + 5] + b"\xff\xff\xff\xff" + GREY[head + 9 :]
    assert decoder.decode(large) is None
    assert decoder.decode(GREY) is not None


def test_pictures_beyond_the_rate_in_disorder_or_broken_are_counted(face_landmarker):
    pictures = StreamPictures(EXTRACTORS["expression"]())
    for time in (0.0, 0.02, 0.1, 0.05, float("nan"), -1.0, 0.2):
        pictures.add(GREY[:300] if time == 0.1 else GREY, time)
    assert pictures.tracks(Span(0.0, 1.0)) == []
    assert pictures.counts == (7, 1, 4)
    for number in range(1000):
        pictures.add(GREY, 1.0 + number / 10)
    assert pictures.counts.skipped == 4 + 1000 - 300
    pictures.close()
