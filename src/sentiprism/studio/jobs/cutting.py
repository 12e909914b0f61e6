"""Cut recordings into utterances to label, and compute their wave forms."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.analysis.transcribe import transcribe
from sentiprism.errors import UserError
from sentiprism.files import make_folder, write_text
from sentiprism.media.decode import sound
from sentiprism.media.probe import probe
from sentiprism.media.speech import RATE
from sentiprism.media.transcripts import read_transcript
from sentiprism.media.types import Media
from sentiprism.studio.jobs.label_kinds import CutItem, CutJob

BINS, EVERY = 12_000, 0.02
"""Most values of a wave form, and the least seconds of each."""
LOUDEST = 255


def cut_recordings(job: CutJob, told: Callable[..., object]) -> dict[str, Any]:
    """Cut each recording; one that fails is left out.

    Returns:
        utterances and streams by the recording's identifier, and the reasons of failures.

    Raises:
        UserError: every recording fails.
    """
    done: dict[str, Any] = {}
    failed: dict[str, str] = {}
    make_folder(job.out)
    for number, item in enumerate(job.items):

        def on(share: float, number: int = number, item: CutItem = item) -> None:
            told((number + share) / len(job.items), f"{item.name} ({number + 1} of {len(job.items)})")

        on(0.0)
        try:
            done[item.id] = _cut(item, job, on)
            print(f"{item.name}: {len(done[item.id]['segments'])} utterances", flush=True)
        except UserError as error:
            failed[item.id] = str(error).replace(str(item.file), item.name)
            print(f"{item.name}: {failed[item.id]}", flush=True)
    if not done:
        raise UserError(f"no recording was cut: {next(iter(failed.values()))}", "see the log")
    told(1.0, "", now=True)
    return {"recordings": done, "failed": failed}


def _cut(item: CutItem, job: CutJob, on: Callable[[float], object]) -> dict[str, Any]:
    media = probe(item.file)
    samples = sound(media, RATE) if media.audio else None
    on(0.1)
    wave = {"duration": media.duration, "peaks": find_peaks(samples, media.duration)}
    write_text(job.out / f"{item.id}.json", json.dumps(wave))
    cues = read_transcript(item.transcript) if item.transcript is not None else None

    def heard(seconds: float) -> None:
        on(0.1 + 0.9 * min(seconds / media.duration, 1.0))

    found = transcribe(samples, cues, job.options, heard, length=media.duration)
    parts = [(round(one.start, 3), round(min(one.end, media.duration), 3), one.text) for one in found.segments]
    if job.how == "whole":
        parts = [(0.0, media.duration, " ".join(text for _, _, text in parts if text) or None)]
    return {**_streams(media), "segments": [part for part in parts if part[1] > part[0]]}


def _streams(media: Media) -> dict[str, Any]:
    return {"duration": media.duration, "sound": media.audio is not None, "picture": media.video is not None}


def find_peaks(samples: npt.NDArray[np.int16] | None, duration: float) -> list[int]:
    """Largest amplitude of equal parts of a recording, 0 to `LOUDEST`; at most `BINS` of them.

    Args:
        samples: (n,) at `RATE`; None without sound.
        duration: seconds of the recording.
    """
    if samples is None or not len(samples):
        return []
    size = max(-(-len(samples) // BINS), round(EVERY * RATE))
    peaks = [int(np.abs(samples[at : at + size].astype(np.int32)).max()) for at in range(0, len(samples), size)]
    missing = int(max(duration * RATE - len(samples), 0) // size)  # sound that ends before the picture
    top = max(*peaks, 1)
    return [LOUDEST * peak // top for peak in peaks] + [0] * min(missing, BINS - len(peaks))
