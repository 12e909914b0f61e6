"""A microphone and a camera that play a recording into the studio's page Live, and what the studio receives of it."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from makers_media import make_media
from makers_speech import heard
from sentiprism.serving.stream_messages import PICTURE, SOUND, Piece
from sentiprism.serving.streams import Stream

RATE = 16_000
REST = 2.0
"""Seconds of silence after a recording, so that its last utterance ends by itself."""


def fake_devices(clip: Path, folder: Path) -> list[str]:
    """Arguments by which Chromium's microphone and camera play a clip, once it is asked for them.

    Args:
        clip: recording of a person who speaks.
        folder: for its sound and its pictures.
    """
    samples = np.concatenate([heard(clip), np.zeros(round(REST * RATE), np.int16)])
    sound = make_media(folder / "clip.wav", samples=samples)
    with av.open(str(clip)) as file:
        rate = round(file.streams.video[0].average_rate)
        images = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    pictures = make_media(folder / "clip.mjpeg", images=images, fps=rate, codec="mjpeg", container="mjpeg")
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={sound}%noloop",
        f"--use-file-for-fake-video-capture={pictures}",
    ]


class Received:
    """Sound and pictures that the studio has received from a page.

    Args:
        patch: of the test.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.pieces: list[Piece] = []
        put = Stream.put

        async def keep(stream: Stream, piece: Piece) -> None:
            self.pieces.append(piece)
            await put(stream, piece)

        patch.setattr(Stream, "put", keep)

    @property
    def sound(self) -> npt.NDArray[np.int16]:
        return np.frombuffer(b"".join(one.data for one in self.pieces if one.kind == SOUND), "<i2")

    @property
    def pictures(self) -> int:
        return sum(one.kind == PICTURE for one in self.pieces)
