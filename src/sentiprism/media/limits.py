"""Limits of a recording and of what decoding may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that a file is held to before and while it is decoded.

    The defaults let pass what people record: two hours, 8K (7680 x 4320) and below.

    Args:
        duration: seconds.
        side: pixels of the longer side; codecs' own tables of sizes end at 8192 (H.264 and HEVC level 6.2).
        pixels: of a frame: 8K as cinemas have it, 8192 x 4320.
        streams: of any kind; a television multiplex has some thirty.
        size: bytes of the file: two hours at 70 Mbit/s.
        memory: bytes of address space a decoding process may have; 8K in H.264 takes about half of it.
        effort: processor-seconds a decoding process may take for each second of the recording, beside a minute.
        patience: seconds a decoding process may be silent while we wait for it.
        damage: share of the packets that may be undecodable before a recording counts as damaged.
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
