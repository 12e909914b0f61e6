"""Decode sound as mono 16-bit samples on the recording's clock."""

import os
from typing import Any

from av import AudioResampler

from sentiprism.media._decode.messages import Kind, MessageWriter, refuse
from sentiprism.media._decode.opening import DAMAGED, decoded, opened, prepare

JITTER = 0.05
"""Seconds by which time stamps may deviate (rounding, clock drift) without being a gap or an overlap."""
WIDTH = 2
"""Bytes per sample."""


class SampleFile:
    """A sparse file of samples; parts that are not written are silent and take no disk space.

    Args:
        fd: descriptor of an empty regular file.
        rate: Hz.
        longest: seconds.
    """

    def __init__(self, fd: int, rate: int, longest: float) -> None:
        self._fd, self._rate, self._most = fd, rate, int(longest * rate)
        self._resampler = self._new_resampler()
        self._source: tuple[str, str, int] | None = None
        self._at: int = 0
        """Index of the next sample."""
        self._expected: float | None = None
        """Expected start of the next frame in seconds."""
        self._again = False
        """Whether the present frames repeat earlier ones."""
        self.length = 0
        """Number of samples."""

    def add(self, frame: Any, time: float | None) -> None:
        """Write a frame at its time; frames that repeat earlier ones are skipped."""
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        late = 0.0 if time is None or self._expected is None else time - self._expected
        self._again = (self._again or late < -JITTER) and late < -frame.samples / frame.sample_rate / 2
        if self._again:
            return
        if self._expected is None or late > JITTER or source != self._source:
            self.flush()
            start = (self._expected or 0.0) if time is None else time
            self._at = round(start * self._rate) if self._expected is None else max(self._at, round(start * self._rate))
            self._expected, self._source = start, source
        self._expected = (self._expected or 0.0) + frame.samples / frame.sample_rate
        frame.pts = None  # this class keeps track of positions
        self._write(self._resampler.resample(frame))

    def flush(self) -> None:
        """Write the samples that the resampler has buffered."""
        self._write(self._resampler.resample(None))
        self._resampler = self._new_resampler()

    def _new_resampler(self) -> Any:
        return AudioResampler(format="s16", layout="mono", rate=self._rate)

    def _write(self, frames: list[Any]) -> None:
        for frame in frames:
            early = min(max(0, -self._at), frame.samples)
            data = memoryview(frame.planes[0])[early * WIDTH : frame.samples * WIDTH]
            end = self._at + frame.samples
            if end > self._most:
                refuse(f"has sound after {self._most / self._rate:.0f} s, its expected end", DAMAGED)
            at = (self._at + early) * WIDTH
            while data:
                written = os.pwrite(self._fd, data, at)
                data, at = data[written:], at + written
            self._at = end
            self.length = max(self.length, end)


def samples(task: dict[str, Any], writer: MessageWriter) -> None:
    """Write the sound into the file ``task["output"]`` at ``rate`` Hz, and send its length in samples.

    Raises:
        RefusedError: it has no sound, or is damaged.
    """
    limits = task["limits"]
    file = SampleFile(task["output"], task["rate"], task["duration"])
    with opened(task["file"], limits["pixels"], limits["streams"]) as recording:
        stream = recording.audio
        if stream is None:
            refuse("has no sound", "give a recording that has sound")
        prepare(stream, limits["pixels"], threads=1)
        for frame in decoded(recording, stream, limits["damage"], writer):
            time = None if frame.pts is None else float(frame.pts * frame.time_base - recording.zero)
            if frame.samples:
                file.add(frame, time)
        file.flush()
    writer.send_json(Kind.RESULT, {"length": max(0, file.length)})
