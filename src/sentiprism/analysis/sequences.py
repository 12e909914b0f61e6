"""Read the cached features of utterances."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from sentiprism.analysis.recording import ExtractedRecording
from sentiprism.analysis.resting import SHORT, Part, resting_levels
from sentiprism.features.extractors import Extractor
from sentiprism.features.track import Floats, Track
from sentiprism.features.track_extraction import face_tracks, voice_tracks
from sentiprism.media.types import Span
from sentiprism.recipe import Per
from sentiprism.types import Modality

if TYPE_CHECKING:
    from sentiprism.data.importers.table import Lookup


class Sequences:
    """Look up the features of utterances by id.

    Args:
        owner: the recording of each utterance.
        seen: properties of each recording.
        extractors: by modality.
        steps_of: step of each modality.
        stored: existing vision features, used instead of extracting faces.
    """

    def __init__(
        self,
        owner: Mapping[str, str],
        seen: Mapping[str, ExtractedRecording],
        extractors: Mapping[Modality, Extractor],
        steps_of: Callable[[Modality], Per],
        stored: "Lookup | None",
    ) -> None:
        self.owner, self.seen, self.extractors, self.stored = owner, seen, extractors, stored
        self.steps_of = steps_of
        self._resting: dict[str, dict[Modality, Floats]] = {}
        self._tracks = lru_cache(maxsize=2)(self._read)  # utterances of a recording are mostly consecutive

    def of(self, name: str) -> dict[str, Floats]:
        """(T, F) features of each modality that an utterance has."""
        segment, levels = self.seen[self.owner[name]].segments[name], self._resting.get(name, {})
        found: dict[str, Floats] = {}
        for modality, track in self._pieces(name).items():
            steps = track.of(segment, self.steps_of(modality))
            found[modality] = steps - levels[modality] if modality in levels else steps
        if self.stored is not None and (given := self.stored(name)) is not None:
            found["vision"] = given
        return found

    def subtract_resting(self, names: Sequence[str], videos: Sequence[str]) -> list[str]:
        """Subtract resting levels from utterances from now on; returns notes on too short videos.

        See `resting_levels`.

        Args:
            names: ids of utterances that have features.
            videos: video of each.
        """
        by_video: dict[str, dict[str, list[str]]] = {}
        for name, video in zip(names, videos, strict=True):
            by_video.setdefault(video, {}).setdefault(self.owner[name], []).append(name)
        short = 0
        for recordings in by_video.values():
            parts = [self._part(recording, own) for recording, own in recordings.items()]
            short += sum(span.end - span.start for part in parts for span in part.spans) < SHORT
            for part, levels, own in zip(parts, resting_levels(parts), recordings.values(), strict=True):
                for name, span in zip(own, part.spans, strict=True):
                    face = self.seen[self.owner[name]].choose_face(part.faces, span)
                    self._resting[name] = levels.of(face)
        if not short:
            return []
        return [f"{short} of {len(by_video)} videos have less than {SHORT:g} s of speech for a resting level"]

    def _part(self, recording: str, names: Sequence[str]) -> Part:
        """Features and times of utterances of a recording."""
        voices, faces = self._tracks(recording)
        heard = [voices[name] for name in names] if voices else []
        return Part([self._span(name) for name in names], heard, faces)

    def _pieces(self, name: str) -> dict[Modality, Track]:
        """The voice and the face of an utterance."""
        voices, faces = self._tracks(self.owner[name])
        found: dict[Modality, Track] = {}
        if name in voices:
            found["audio"] = voices[name]
        if (face := self.seen[self.owner[name]].choose_face(faces, self._span(name))) is not None:
            found["vision"] = faces[face]
        return found

    def _span(self, name: str) -> Span:
        segment = self.seen[self.owner[name]].segments[name]
        return Span(segment.start, segment.end)

    def _read(self, recording: str) -> tuple[dict[str, Track], list[Track]]:
        """Voices by utterance id, and faces, of a recording."""
        media, segments = self.seen[recording].media, self.seen[recording].segments
        hear = "audio" in self.extractors and media.audio
        see = "vision" in self.extractors and self.stored is None and media.video
        voices = voice_tracks(media, self.extractors["audio"], self.seen[recording].spans) if hear else []
        return dict(zip(segments, voices, strict=False)), face_tracks(media, self.extractors["vision"]) if see else []
