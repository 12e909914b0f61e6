"""Limits of recordings and of their decoding."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that are checked before and while a file is decoded.

    The defaults allow ordinary recordings: up to two hours and up to 8K (7680 x 4320).

    Args:
        duration: seconds.
        side: pixels of the longer side; levels of codecs end at 8192 (H.264 and HEVC level 6.2).
        pixels: pixels of a frame: cinema 8K, 8192 x 4320.
        streams: number of streams; a television multiplex has about thirty.
        size: bytes of the file: two hours at 70 Mbit/s.
        memory: bytes of address space of a decoding process; 8K in H.264 takes about half of it.
        effort: processor seconds of a decoding process per second of the recording, in addition to one minute.
        patience: seconds without a message after which a decoding process is ended.
        damage: share of undecodable packets above which a recording counts as damaged.
    """

    duration: float = 7200.0
    side: int = 8192
    pixels: int = 8192 * 4320
    streams: int = 64
    size: int = 64 * 10**9
    memory: int = 1536 * 2**20
    effort: float = 20.0
    patience: float = 60.0
    damage: float = 0.05


DEFAULT = Limits()
