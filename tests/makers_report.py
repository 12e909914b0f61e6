"""Documents as an analysis makes them, written down by hand: what the report's tests show."""

from collections.abc import Callable, Iterable
from math import cos, exp, sin
from pathlib import Path
from typing import Any

from sentiprism.report.analysis import Analysis
from sentiprism.report.schema import (
    Curve,
    Estimate,
    ModelFacts,
    Recording,
    UtterancePart,
    Window,
    WordPart,
)
from sentiprism.report.statistics import summarise
from sentiprism.types import Modality, TargetSpec

SAID: tuple[tuple[str, dict[str, float], tuple[float | None, ...]], ...] = (
    ("so this is the phone I have carried around for a whole month", {"the": 0.02}, (0.1, 0.05, 0.12)),
    (
        "and honestly the screen is gorgeous, I love looking at it",
        {"gorgeous,": 0.9, "love": 0.8},
        (1.5, 0.2, 0.3),
    ),
    ("the colours are rich, even outside in the sun", {"rich,": 0.5, "even": 0.1, "sun": 0.1}, (0.9, 0.1, 0.25)),
    ("um the camera, well, it is fine I guess", {"um": -0.2, "fine": 0.3, "guess": -0.4}, (-0.2, -0.3, 0.05)),
    (
        "but the battery is terrible, it never makes it to the evening",
        {"terrible,": -1.3, "never": -0.5},
        (-1.7, -0.35, -0.4),
    ),
    (
        "I had to carry a charger everywhere and that is just annoying",
        {"annoying": -0.9, "just": -0.2},
        (-1.1, -0.5, -0.3),
    ),
    ("they did promise an update for that", {"promise": 0.2}, (0.2, -0.1, None)),
    (
        "and it came last week, and wow, what a difference",
        {"wow,": 0.7, "difference": 0.4, "what": 0.2},
        (0.9, 0.5, None),
    ),
    (
        "it feels like a new phone, really smooth now",
        {"new": 0.3, "smooth": 0.7, "really": 0.2},
        (1.2, 0.25, 0.35),
    ),
    ("the price is not nice, though", {"not": -0.8, "nice,": -0.1, "though": -0.2}, (-0.9, 0.05, -0.25)),
    ("would I buy it again", {"buy": 0.1}, (0.1, -0.05, -0.05)),
    (
        "yes I would, it makes me smile every single day",
        {"yes": 0.5, "smile": 0.9, "single": 0.1},
        (1.6, 0.3, 0.5),
    ),
)
"""Words, what single words add, Shapley values of text, audio and vision (None = no face)."""
ORDER = ("text", "audio", "vision")
BASE = 0.1


def review(duration: float = 15.0, **changes: Any) -> Analysis:
    """Twelve utterances of a phone's review, spread over ``duration`` seconds, with voice and face."""
    step = duration / len(SAID)
    parts = [_part(n, n * step + 0.04 * step, (n + 0.88) * step, *said) for n, said in enumerate(SAID)]
    values: dict[str, Any] = {
        "program": "sentiprism 0.2.0",
        "recording": Recording(
            name="phone review.mp4", content="5f" * 32, kind="video", duration=duration, width=1280, height=720,
            language="en", transcript="recognised by Whisper base",
        ),
        "model": ModelFacts(
            name="starter", model="late_fusion", target=TargetSpec(), level=0.9,
            notes=("trained on English reviews and acted speech", "not for decisions about people"),
        ),
        "summary": summarise(parts, TargetSpec()),
        "utterances": tuple(parts),
        "windows": tuple(_window(parts, 0.5 * n, 0.5 * n + duration / 5) for n in range(int(2 * (duration * 0.8)))),
        "curves": tuple(curves(duration)),
        "notes": (),
        "details": {"options": {"asr": "base", "longest": 15.0}},
    }  # fmt: skip
    return Analysis(**{**values, **changes})


def _part(n: int, start: float, end: float, text: str, adds: dict[str, float], shapley: Any) -> UtterancePart:
    words, present = text.split(), tuple(m for m, credit in zip(ORDER, shapley, strict=True) if credit is not None)
    step, value = (end - start) / len(words), BASE + sum(credit or 0.0 for credit in shapley)
    own = (0.55, 0.2, 0.25) if "vision" in present else (0.7, 0.3, 0.0)
    return UtterancePart(
        number=n + 1, start=start, end=end, text=text, base=BASE, present=present,
        words=tuple(
            WordPart(
                text=w, start=start + i * step, end=start + (i + 0.9) * step,
                contribution=adds.get(w, 0.013 * sin(7 * i)),
            )
            for i, w in enumerate(words)
        ),
        estimate=Estimate(value=value, low=max(value - 1.1, -3.0), high=min(value + 0.9, 3.0)),
        contributions={m: credit or 0.0 for m, credit in zip(ORDER, shapley, strict=True)},
        weights=dict(zip(ORDER, own, strict=True)),
        face=1 if "vision" in present else None,
    )  # fmt: skip


def _window(parts: list[UtterancePart], start: float, end: float) -> Window:
    near = [(exp(-abs((p.start + p.end) / 2 - (start + end) / 2)), p.estimate.value) for p in parts]
    return Window(start=start, end=end, estimate=Estimate(value=sum(w * v for w, v in near) / sum(w for w, _ in near)))


def curves(duration: float, rate: float = 10.0) -> list[Curve]:
    """Pitch and loudness, smile, frown and head; no face between 0.5 and 0.66 of the time, unvoiced in between."""
    times = tuple(round(i / rate, 3) for i in range(int(duration * rate)))
    all_of = [(t, 12 * t / duration) for t in times]
    seen = [(t, s) for t, s in all_of if not 6 < s < 7.9]

    def curve(modality: Modality, name: str, title: str, unit: str, value: Callable[[float], float | None]) -> Curve:
        own = seen if modality == "vision" else all_of
        times, values = tuple(t for t, _ in own), tuple(value(s) for _, s in own)
        face = 1 if modality == "vision" else None
        return Curve(name=name, title=title, modality=modality, unit=unit, face=face, times=times, values=values)

    def pitch(s: float) -> float | None:
        return None if sin(9 * s) < -0.6 else 175 + 45 * sin(2.1 * s) + 12 * sin(17 * s)

    return [
        curve("audio", "f0", "pitch", "Hz", pitch),
        curve("audio", "energy", "loudness", "dBFS", lambda s: -24 + 7 * sin(5.2 * s) + 3 * cos(23 * s)),
        curve("vision", "AU12_r", "smile", "intensity 0–5", lambda s: 0.05 + 0.75 / (1 + exp(-4 * cos(s - 1.5)))),
        curve("vision", "AU04_r", "frown", "intensity 0–5", lambda s: 0.03 + 0.45 / (1 + exp(-5 * cos(s - 4.6)))),
        curve("vision", "head_yaw", "head turned", "°", lambda s: 14 * sin(1.3 * s) + 3 * sin(6 * s)),
    ]


CLASSES = ("negative", "neutral", "positive")


def classified(classes: tuple[str, ...] = CLASSES, **changes: Any) -> Analysis:
    """The same recording judged by a model of classes, the likeliest one in turn."""
    parts = []
    for part in review().utterances:
        weights = [exp(-abs(part.estimate.value / 1.5 - (i - len(classes) // 2))) for i in range(len(classes))]
        shares = tuple(w / sum(weights) for w in weights)
        likeliest = max(range(len(classes)), key=shares.__getitem__)
        parts.append(part.model_copy(update={"estimate": Estimate(value=float(likeliest), probabilities=shares)}))
    target = TargetSpec(kind="classes", classes=classes)
    model = ModelFacts(name="emotions", model="late_fusion", target=target)
    windows = tuple(Window(start=p.start, end=p.end, estimate=p.estimate) for p in parts)
    whole = summarise(parts, target)
    return review(utterances=tuple(parts), model=model, summary=whole, windows=windows, **changes)


def nothing(**changes: Any) -> Analysis:
    """A recording in which no utterance was found."""
    empty = {"utterances": (), "windows": (), "curves": (), "summary": summarise((), TargetSpec())}
    notes = ("No speech was found in the sound.", "No face was found in the picture.")
    return review(**{**empty, "notes": notes, **changes})


def reading(**changes: Any) -> Analysis:
    """A text without a recording: times are those of a reader."""
    parts = [
        part.model_copy(
            update={
                "contributions": {"text": part.estimate.value - BASE},
                "present": ("text",),
                "weights": None,
                "face": None,
            }
        )
        for part in review().utterances
    ]
    recording = Recording(name="letter.txt", content="a1" * 32, kind="text", duration=15.0)
    whole = summarise(parts, TargetSpec())
    return review(recording=recording, utterances=tuple(parts), curves=(), windows=(), summary=whole, **changes)


def hour(**changes: Any) -> Analysis:
    """An hour: a thousand utterances."""
    parts = [
        part.model_copy(
            update={"number": 12 * n + part.number, "start": 43.2 * n + part.start, "end": 43.2 * n + part.end}
        )
        for n in range(84)
        for part in review(43.2).utterances
    ]
    recording = review().recording.model_copy(update={"duration": 3628.8})
    return review(recording=recording, utterances=tuple(parts), **changes)


ALONE = "rests on the voice alone"
WIDE = "interval wider than half the scale"


def doubted(numbers: Iterable[int], **changes: Any) -> Analysis:
    """The review with weak estimates: these by the voice alone, and the first of them with a wide interval."""
    numbers = set(numbers)

    def weakened(part: UtterancePart) -> UtterancePart:
        if part.number not in numbers:
            return part
        reasons = (ALONE, WIDE) if part.number == min(numbers) else (ALONE,)
        estimate = part.estimate.model_copy(update={"caution": reasons})
        return part.model_copy(update={"estimate": estimate, "present": ("audio",)})

    parts = tuple(weakened(part) for part in review().utterances)
    return review(utterances=parts, summary=summarise(parts, TargetSpec()), **changes)


def make_video(path: Path, seconds: int = 15) -> Path:
    """A little film every browser plays: colours that change by the second and a tone, VP8 and Opus in WebM."""
    import av
    import numpy as np

    with av.open(str(path), "w", format="webm") as file:
        picture, sound = file.add_stream("libvpx", rate=5), file.add_stream("libopus", rate=48_000)
        picture.width, picture.height, picture.pix_fmt = 160, 96, "yuv420p"
        picture.options = {"deadline": "realtime", "cpu-used": "8"}
        picture.gop_size = 5  # a key frame a second: seeking is exact
        for i in range(5 * seconds):
            shade = np.full((96, 160, 3), (40 + 17 * (i // 5) % 200, 90, 160), np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="rgb24")
            file.mux(picture.encode(frame))
        tone = (2000 * np.sin(2 * np.pi * 220 * np.arange(48_000 * seconds) / 48_000)).astype(np.int16)
        for start in range(0, len(tone), 960):
            frame = av.AudioFrame.from_ndarray(tone[None, start : start + 960], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48_000, start
            file.mux(sound.encode(frame))
        file.mux(picture.encode())
        file.mux(sound.encode())
    return path
