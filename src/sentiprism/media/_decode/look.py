"""Probe a recording by reading its packets."""

from typing import Any

from sentiprism.media._decode.messages import Kind, MessageWriter, refuse
from sentiprism.media._decode.opening import DAMAGED, NOT_MEDIA, Opened, decode, demuxed, opened, prepare
from sentiprism.media._decode.pictures import display_size, orientation

MISSING = 0.02
"""Share of the duration in the header that may be missing (rounding, silence at the end); one second always may."""
SPARE = 4096
"""Bytes of the size in the header that may be missing: an index, or a quarter of a second of speech."""
TRIES = 600
"""Number of packets among which one must be decodable."""
MAX_FPS = 1000.0


def look(task: dict[str, Any], writer: MessageWriter) -> None:
    """Probe a recording for `sentiprism.media.probe.probe`; ``task`` has its `Limits`.

    Raises:
        RefusedError: it is not a recording, or exceeds the limits.
    """
    limits = task["limits"]
    with opened(task["file"], limits["pixels"], limits["streams"]) as recording:
        if not recording.streams:
            refuse("has neither a moving picture nor sound", NOT_MEDIA)
        _check_header(recording, limits)
        for stream in recording.streams:
            prepare(stream, limits["pixels"], threads=1)  # with one thread, the first frame comes without delay
        first, ends, packets = _measure(recording, limits["duration"], writer)
        writer.send_json(Kind.RESULT, _result(recording, first, ends, packets))


def _check_header(recording: Opened, limits: dict[str, Any]) -> None:
    video, container = recording.video, recording.container
    if video is not None and video.codec_context is not None:
        _check_size(video.codec_context.width, video.codec_context.height, limits)
    # a guessed duration is ignored here, because packets are measured anyway
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


def _measure(
    recording: Opened, limit: float, writer: MessageWriter
) -> tuple[dict[int, Any], dict[int, float], dict[int, int]]:
    """Measure each stream with packets: its first frame, the end of its last packet in seconds, its packet count.

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
                _refuse_length("is too long", limit)
            writer.send_progress(begin)
        if key not in first and packets.get(key, 0) <= TRIES:
            frames = [frame for frame in decode(stream, packet) if frame is not None]
            first.update({key: frames[0]} if frames else {})
    for stream in recording.streams:
        if stream.index in packets and stream.index not in first:
            what = "picture" if stream.type == "video" else "sound"
            refuse(f"has no {what} that can be decoded ({stream.codec_context.name})", DAMAGED)
    if not packets or max(ends.values(), default=0.0) <= 0:
        refuse("has no picture and no sound, only a header", DAMAGED)
    _check_whole(recording, begins, ends)
    return first, ends, packets


def _check_whole(recording: Opened, begins: dict[int, float], ends: dict[int, float]) -> None:
    """Refuse a file that is shorter than its header says."""
    if recording.missing > SPARE:
        refuse(f"is cut short: the last {recording.missing} bytes are missing", DAMAGED)
    if not recording.announces:
        return
    lengths = [float(s.duration * s.time_base) for s in recording.streams if s.duration is not None]
    announced = max(lengths, default=(recording.container.duration or 0) / 1e6)
    there = max(ends[key] - begins[key] for key in ends) if lengths else max(ends.values()) - min(begins.values())
    if announced - there > max(1.0, MISSING * announced):
        refuse(f"is cut short: its header says {announced:.1f} s, but it has {max(there, 0):.1f} s", DAMAGED)


def _result(
    recording: Opened, first: dict[int, Any], ends: dict[int, float], packets: dict[int, int]
) -> dict[str, Any]:
    result: dict[str, Any] = {"container": recording.container.format.name, "duration": max(ends.values())}
    result |= {"video": None, "audio": None}
    video, audio = recording.video, recording.audio
    if video is not None and video.index in first:
        width, height = display_size(first[video.index], video)
        if orientation(first[video.index])[0] % 2:
            width, height = height, width
        rate = float(video.average_rate or 0)
        if not 0 < rate <= MAX_FPS:
            rate = packets[video.index] / ends[video.index] if ends[video.index] > 0 else 0.0
        result["video"] = [video.codec_context.name, width, height, rate if 0 < rate <= MAX_FPS else None]
    if audio is not None and audio.index in first:
        frame = first[audio.index]
        result["audio"] = [audio.codec_context.name, frame.sample_rate, frame.layout.nb_channels]
    return result
