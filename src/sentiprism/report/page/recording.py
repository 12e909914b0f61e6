"""Render the page of one recording."""

import json
from base64 import b64encode
from pathlib import Path

from sentiprism.languages import language_name
from sentiprism.report import wording
from sentiprism.report.by_speaker import speaker_rows
from sentiprism.report.options import PLAIN, ReportOptions
from sentiprism.report.page.payload import embedded, payload
from sentiprism.report.page.playable import EMBEDDED, Source, sound_source, source
from sentiprism.report.page.template import fill
from sentiprism.report.schema import Document
from sentiprism.report.stills import Still, take_stills
from sentiprism.tables import duration
from sentiprism.types import MODALITIES

SCRIPTS = ("elements.js", "estimates.js", "base.js", "position.js", "lanes.js", "timeline.js", "utterances.js")
"""Parts of the page's script, in order."""


def render(
    analysis: Document,
    media: Path | None = None,
    *,
    name: str | None = None,
    limit: int = EMBEDDED,
    options: ReportOptions = PLAIN,
) -> str:
    """Render the page of one recording; deterministic.

    Args:
        analysis: the analysis to show.
        media: the recording, for the page's player.
        name: name of the copy in the page's folder, for a recording larger than ``limit``; ``None`` = its own.
        limit: largest size in bytes of an embedded recording.
        options: what is hidden.

    Raises:
        UserError: jinja2 is not installed.
    """
    recording, player, stills = analysis.recording, None, list[Still]()
    hidden = options.hides_file(recording.kind)
    if media is not None:
        if not hidden:
            player = source(media, name, limit)
        elif not options.without:
            player = sound_source(media, limit)
        stills = take_stills(media, recording.codec, recording.duration, every=hidden, blur=bool(options.blur))
    moving = player is not None and recording.kind == "video" and not hidden
    pictures = [(still.time, f"data:image/jpeg;base64,{b64encode(still.image).decode()}") for still in stills]
    return fill(
        "template.html.j2",
        scripts=[f"script/{part}" for part in SCRIPTS],
        media=player,
        images=bool(pictures),
        data=embedded(payload(analysis, pictures)),
        analysis=analysis,
        target=analysis.model.target,
        middle=(analysis.model.target.low + analysis.model.target.high) / 2,
        player=player,
        moving=moving,
        stills=pictures,
        player_note=_hidden_note(analysis, options, player, len(pictures))
        if hidden and media is not None
        else _player_note(analysis, media, player, len(pictures)),
        headline=wording.headline(analysis),
        facts=wording.facts(analysis),
        whole=wording.whole(analysis),
        weighting=wording.weighting(analysis),
        shares=wording.shares(analysis),
        parts=wording.modality_shares(analysis),
        moments=wording.moments(analysis),
        speakers=speaker_rows(analysis),
        modalities=[m for m in MODALITIES if any(m in part.contributions for part in analysis.utterances)],
        cautious=any(part.estimate.caution for part in analysis.utterances),
        cautious_windows=any(window.estimate.caution for window in analysis.windows),
        model_language=analysis.model.language and language_name(analysis.model.language),
        weighed=any(part.weights for part in analysis.utterances),
        means=wording.means(analysis),
        details=json.dumps(analysis.details, indent=2, ensure_ascii=False),
    )


def _player_note(analysis: Document, media: Path | None, player: Source | None, stills: int) -> str | None:
    if player is not None or analysis.recording.kind == "text":
        return None
    if media is None:
        return "The recording itself is not part of this page; the time line works without it."
    if stills:
        every = duration(analysis.recording.duration / stills)
        return f"Browsers cannot play this kind of file: the pictures are stills, one about every {every}."
    return "Browsers cannot play this kind of file. The time line works without it."


def _hidden_note(analysis: Document, options: ReportOptions, player: Source | None, stills: int) -> str:
    """Say what of the recording is not part of the page."""
    found = []
    if stills:
        faces = "stills with blurred faces" if options.blur else "stills"
        found.append(f"The pictures are {faces}, one about every {duration(analysis.recording.duration / stills)}.")
    if options.without:
        found.append("The sound is left out.")
    elif player is None:
        found.append("The sound is missing, or too long for this page.")
    return " ".join(found)
