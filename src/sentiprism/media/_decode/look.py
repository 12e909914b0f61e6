"""Measure a recording from its packets."""

from typing import Any

from sentiprism.media._decode.messages import Kind, Voice, refuse
from sentiprism.media._decode.opening import DAMAGED, NOT_MEDIA, Opened, decode, demuxed, opened, prepare
from sentiprism.media._decode.pictures import display_size, orientation

MISSING = 0.02
"""Share of the announced duration that may be missing (rounded headers, an end of silence); one second always may."""
SPARE = 4096
"""Bytes that may be missing where a header announces bytes: an index, or a quarter of a second of speech."""
TRIES = 600
"""Packets among which the first decodable one must be."""
MAX_FPS = 1000.0


def look(task: dict[str, Any], voice: Voice) -> None:
    """Answer what `sentiprism.media.probe.probe` tells; ``task`` has its `Limits`.

    Raises:
        RefusedError: no recording, or none within the limits.
    """
    limits = task["limits"]
    with opened(task["file"], limits["pixels"], limits["streams"]) as recording:
        if not recording.streams:
            refuse("has neither a moving picture nor sound", NOT_MEDIA)
        _check_header(recording, limits)
        for stream in recording.streams:
            prepare(stream, limits["pixels"], threads=1)  # one thread gives its first frame at once
        first, ends, packets = _measure(recording, limits["duration"], voice)
        voice.say(Kind.ANSWER, _answer(recording, first, ends, packets))


def _check_header(recording: Opened, limits: dict[str, Any]) -> None:
    video, container = recording.video, recording.container
    if video is not None and video.codec_context is not None:
        _check_size(video.codec_context.width, video.codec_context.height, limits)
    # a guess is no reason to refuse: packets are counted anyway
    announced = (container.duration or 0) / 1e6
    if recording.announces and announced > limits["duration"]:
        _refuse_length(f"lasts {_clock(announced)}", limits["duration"])


def _check_size(width: int, height: int, limits: dict[str, Any]) -> None:
    if max(width, height) > limits["side"] or width * height > limits["pixels"]:
        most = f"{limits['side']} pixels a side and {limits['pixels'] / 1e6:.1f} million in all"
        refuse(f"has frames of {width}x{height} pixels, the limit is {most}", "scale it down with ffmpeg")


def _refuse_length(what: str, limit: float) -> None:
    refuse(f"{what}, the limit is {_clock(limit)}", "cut it into shorter recordings")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02} h"


def _measure(recording: Opened, limit: float, voice: Voice) -> tuple[dict[int, Any], dict[int, float], dict[int, int]]:
    """By stream: its first frame, the end of its last packet in seconds, its packets; a stream without any is left out.

    Raises:
        RefusedError: it is longer than ``limit``, cut short, or a stream cannot be decoded.
    """
    first: dict[int, Any] = {}
    begins: dict[int, float] = {}
    ends: dict[int, float] = {}
    packets: dict[int, int] = {}
    for packet in demuxed(recording, recording.streams):
        stream = packet.stream
        key, time = stream.index, packet.dts if packet.pts is None else packet.pts
        if packet.size:
            packets[key] = packets.get(key, 0) + 1
        if time is not None and packet.size:
            begin = float(time * stream.time_base - recording.zero)
            begins[key] = min(begins.get(key, begin), begin)
            ends[key] = max(ends.get(key, begin), begin + float((packet.duration or 0) * stream.time_base))
            if ends[key] > limit:
                _refuse_length("is longer than may be", limit)
            voice.alive(begin)
        if key not in first and packets.get(key, 0) <= TRIES:
            frames = [frame for frame in decode(stream, packet) if frame is not None]
            first.update({key: frames[0]} if frames else {})
    for stream in recording.streams:
        if stream.index in packets and stream.index not in first:
            what = "picture" if stream.type == "video" else "sound"
            refuse(f"has no {what} that can be decoded ({stream.codec_context.name})", DAMAGED)
    if not packets or max(ends.values(), default=0.0) <= 0:
        refuse("has no picture and no sound in it: its header is all there is", DAMAGED)
    _check_whole(recording, begins, ends)
    return first, ends, packets


def _check_whole(recording: Opened, begins: dict[int, float], ends: dict[int, float]) -> None:
    """A file that was cut short announces more than it has."""
    if recording.missing > SPARE:
        refuse(f"is cut short: the last {recording.missing} bytes that it announces are not there", DAMAGED)
    if not recording.announces:
        return
    lengths = [float(s.duration * s.time_base) for s in recording.streams if s.duration is not None]
    announced = max(lengths, default=(recording.container.duration or 0) / 1e6)
    there = max(ends[key] - begins[key] for key in ends) if lengths else max(ends.values()) - min(begins.values())
    if announced - there > max(1.0, MISSING * announced):
        refuse(f"is cut short: it announces {announced:.1f} s, and {max(there, 0):.1f} s are there", DAMAGED)


def _answer(
    recording: Opened, first: dict[int, Any], ends: dict[int, float], packets: dict[int, int]
) -> dict[str, Any]:
    answer: dict[str, Any] = {"container": recording.container.format.name, "duration": max(ends.values())}
    answer |= {"video": None, "audio": None}
    video, audio = recording.video, recording.audio
    if video is not None and video.index in first:
        width, height = display_size(first[video.index], video)
        if orientation(first[video.index])[0] % 2:
            width, height = height, width
        rate = float(video.average_rate or 0)
        if not 0 < rate <= MAX_FPS:
            rate = packets[video.index] / ends[video.index] if ends[video.index] > 0 else 0.0
        answer["video"] = [video.codec_context.name, width, height, rate if 0 < rate <= MAX_FPS else None]
    if audio is not None and audio.index in first:
        frame = first[audio.index]
        answer["audio"] = [audio.codec_context.name, frame.sample_rate, frame.layout.nb_channels]
    return answer
