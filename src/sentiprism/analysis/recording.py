"""Extract and cache the features and the words of one recording."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import Field, field_validator

from sentiprism.analysis.cuts import Cut
from sentiprism.config import Config
from sentiprism.data.clips import Clip
from sentiprism.errors import UserError
from sentiprism.features.extractors import Extractor
from sentiprism.features.face_choice import choose_faces
from sentiprism.features.learned.create import create_extractor
from sentiprism.features.speaking import Speaking, find_speaking_in
from sentiprism.features.track import Track
from sentiprism.features.track_extraction import face_tracks, voice_tracks
from sentiprism.files import home, write_text
from sentiprism.languages import check_language
from sentiprism.machine import JOB, RECORDING
from sentiprism.media.types import Cue, Media, Segment, Span, Word
from sentiprism.recipe import Per
from sentiprism.types import Modality

NONE = "none"
WORDS = 2
"""Increased whenever the same recording would give other words or times."""


class ExtractOptions(Config):
    """Features and words to extract from recordings."""

    audio: str = "speech"
    """Extractor by name, or ``hf-audio:NAME``; ``none`` = no audio features."""
    audio_settings: dict[str, str] = {}
    """Settings of a network, see `features.learned.create.SETTINGS`."""
    vision: str = "action_units"
    """Extractor by name, or ``hf-vision:NAME``; ``none`` = no vision features."""
    vision_settings: dict[str, str] = {}
    """Settings of a network, see `features.learned.create.SETTINGS`."""
    per: Per = "frame"
    vision_per: Per | None = None
    """Step of vision; None = ``per``."""
    relative: bool = False
    """Subtract the person's resting level, see `resting.resting_levels`."""
    face: Literal["speaking", "largest"] = "speaking"
    """Face of an utterance in which several are visible: the one whose lips move with the sound, or the longest visible
    one."""
    text: Literal["given", "recognised"] = "given"
    """``given``: the table's column ``text``, or a transcript file; ``recognised``: by Whisper."""
    asr: str = "base"
    """Whisper model by name or folder, for recognition and for words without times."""
    language: str | None = Field(None, description="of the speech, ISO 639-1; None = recognised")

    def steps_of(self, modality: Modality) -> Per:
        """Step of a modality."""
        return self.vision_per if modality == "vision" and self.vision_per is not None else self.per

    @property
    def by_word(self) -> bool:
        """Whether features need the times of words."""
        return "word" in {self.per, self.vision_per}

    @property
    def memory(self) -> int:
        """Least memory of a process in bytes."""
        looks = self.vision != NONE or self.text == "recognised" or self.by_word
        return RECORDING if looks else JOB

    @field_validator("language")
    @classmethod
    def _known(cls, code: str | None) -> str | None:
        return None if code is None else check_language(code)

    def extractors(self) -> dict[Modality, Extractor]:
        """Create the extractors of the requested modalities.

        Raises:
            UserError: an extractor or network is unknown, or of another modality.
        """
        chosen = {"audio": (self.audio, self.audio_settings), "vision": (self.vision, self.vision_settings)}
        found: dict[Modality, Extractor] = {}
        for modality in ("audio", "vision"):
            name, settings = chosen[modality]
            if name == NONE:
                continue
            made = found[modality] = create_extractor(name, settings)
            if made.modality != modality:
                raise UserError(f"{name!r} makes {made.modality} features", f"choose another --{modality}")
        return found

    def pinned(self) -> Self:
        """Copy with the current revisions of networks, so that all processes use the same."""
        networks = {name: made.recipe.network for name, made in self.extractors().items()}
        return self.model_copy(
            update={
                f"{name}_settings": {**getattr(self, f"{name}_settings"), "revision": network.revision}
                for name, network in networks.items()
                if network is not None
            }
        )


class ExtractTask(NamedTuple):
    """One recording with its utterances."""

    name: str
    path: Path | None
    cuts: tuple[Cut, ...]
    transcript: Path | None


class ExtractedRecording(NamedTuple):
    """Properties of a recording for the second pass."""

    media: Media
    segments: dict[str, Segment]
    """By id of the utterance."""
    language: str | None = None
    """Recognised language; None without recognition."""
    speaking: dict[Span, Speaking] = {}
    """Who speaks, by the span of an utterance in which several faces are visible."""

    def choose_face(self, faces: Sequence[Track], span: Span) -> int | None:
        """Index of the face of an utterance, see `choose_faces`."""
        found = self.speaking.get(span)
        return choose_faces(faces, span, speaking=found and found.face)[0]

    @property
    def clips(self) -> dict[str, Clip]:
        """Where each utterance is in the recording, by id; {} if it was removed meanwhile."""
        file = self.media.path.resolve()
        try:
            found = {"file": file, "content": self.media.content, "size": file.stat().st_size}
        except OSError:
            return {}
        return {name: Clip(**found, start=one.start, end=one.end) for name, one in self.segments.items()}

    @property
    def spans(self) -> list[Span]:
        """Times of the utterances, in the order of `segments`."""
        return [Span(one.start, one.end) for one in self.segments.values()]


def extract_recording(task: ExtractTask, options: ExtractOptions, *, faces: bool) -> ExtractedRecording:
    """Extract and cache all features of one recording; runs in a separate process."""
    from sentiprism.media.probe import probe

    if task.path is None:
        raise UserError("the recording does not exist", "put it into the folder, or correct the table")
    media = probe(task.path)
    for cut in task.cuts:
        if cut.start is not None and cut.start >= media.duration:
            cause = f"{cut.id!r} begins at {cut.start:g} s of {media.duration:.1f} s"
            raise UserError(cause, "correct its start and end")
    extractors = options.extractors()
    if "vision" in extractors and faces and media.video:
        face_tracks(media, extractors["vision"])
    seen = ExtractedRecording(media, *_segments(task, media, options))
    if "audio" in extractors and media.audio:
        voice_tracks(media, extractors["audio"], seen.spans)
    if "vision" in extractors and faces and options.face == "speaking":
        return seen._replace(speaking=find_speaking_in(media, extractors["vision"], seen.spans))
    return seen


def _segments(task: ExtractTask, media: Media, options: ExtractOptions) -> tuple[dict[str, Segment], str | None]:
    """Utterances of a recording, with words if needed, and their language."""
    spans = {cut.id: Span(cut.start or 0.0, media.duration if cut.end is None else cut.end) for cut in task.cuts}
    words: Sequence[Word] = ()
    language = None
    if options.text == "recognised" or task.transcript is not None or options.by_word:
        words, language = _words(task, media, options, spans)
    found = {}
    for name, span in spans.items():
        inside = tuple(word for word in words if span.start <= (word.start + word.end) / 2 < span.end)
        found[name] = Segment(span.start, span.end, inside)
    return found, language


def _words(
    task: ExtractTask, media: Media, options: ExtractOptions, spans: Mapping[str, Span]
) -> tuple[list[Word], str | None]:
    """Words of a recording with their times, and their language; cached by everything that they depend on."""
    from sentiprism.analysis.options import Options
    from sentiprism.analysis.transcribe import transcribe
    from sentiprism.media.decode import sound
    from sentiprism.media.speech import RATE
    from sentiprism.media.transcripts import read_transcript

    cues: tuple[Cue, ...] | None = None
    if task.transcript is not None:
        cues = read_transcript(task.transcript)
    elif options.text == "given":
        timed = any(cut.start is not None for cut in task.cuts)
        cues = tuple(
            Cue(cut.text, *(spans[cut.id] if timed else (None, None))) for cut in task.cuts if cut.text is not None
        )
        if not cues:
            return [], None
    key = json.dumps([WORDS, media.content, cues, options.asr, options.language])
    kept = home("cache", "words", f"{sha256(key.encode()).hexdigest()}.json")
    if not kept.is_file():
        speech = sound(media, RATE) if media.audio else None
        transcription = transcribe(
            speech, cues, Options(asr=options.asr, language=options.language), length=media.duration
        )
        kept.parent.mkdir(parents=True, exist_ok=True)
        words = [word for one in transcription.segments for word in one.words]
        write_text(
            kept, json.dumps({"language": transcription.language and transcription.language.code, "words": words})
        )
    found = json.loads(kept.read_text(encoding="utf-8"))
    return [Word(*word) for word in found["words"]], found["language"]
