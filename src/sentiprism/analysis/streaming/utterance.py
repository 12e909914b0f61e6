"""Predict one utterance of a stream from its sound, its pictures, and the utterances before it."""

from collections import deque
from typing import NamedTuple

from sentiprism.analysis.language import check_language_of
from sentiprism.analysis.options import Options
from sentiprism.analysis.parts import Parts
from sentiprism.analysis.perceive import Tracks
from sentiprism.analysis.predictor import Predictor, UtteranceInputs
from sentiprism.analysis.resting import Part
from sentiprism.analysis.streaming.pictures import StreamPictures
from sentiprism.analysis.streaming.sound import StreamSound
from sentiprism.analysis.time_line import TimeLine
from sentiprism.analysis.transcribe import find_whisper
from sentiprism.analysis.utterances import Earlier, predict_utterances, relative_modalities
from sentiprism.errors import UserError
from sentiprism.features.extractors import AudioExtractor
from sentiprism.features.speaking import Speaking, find_speaking
from sentiprism.features.track import Track
from sentiprism.media.recognise import RecognisedTurn, TurnRecogniser
from sentiprism.media.speech import RATE
from sentiprism.media.turns import Turn
from sentiprism.media.types import Language, Segment, Span
from sentiprism.report.schema import UtterancePart

REMEMBERED = 300.0
"""Seconds of speech on which a resting level is based at most: the last ones."""


class Utterance(NamedTuple):
    """An utterance of a stream with its prediction."""

    turn: Turn
    segment: Segment
    """Its words, or the whole turn without words."""
    tracks: Tracks
    """Its features, before a resting level is subtracted."""
    heard: RecognisedTurn | None
    part: UtterancePart | None
    """Prediction; None if the model can use nothing of it."""
    notes: tuple[str, ...]


class UtterancePredictor:
    """Predict the utterances of a stream, one after the other.

    Args:
        predictor: the model.
        options: see `StreamAnalyzer`.
        sound: of the stream.
        pictures: of the stream; None if the model does not use faces.
    """

    def __init__(
        self, predictor: Predictor, options: Options, sound: StreamSound, pictures: StreamPictures | None
    ) -> None:
        self._predictor, self._options = predictor, options
        self._sound, self._pictures = sound, pictures
        voice = predictor.extractors.get("audio")
        assert voice is None or isinstance(voice, AudioExtractor)  # noqa: S101 - its modality is audio
        if voice is not None and voice.sample_rate != RATE:
            cause = f"the features {voice.name} need sound at {voice.sample_rate} Hz, a stream has {RATE} Hz"
            raise UserError(cause, "use another model")
        self._voice = voice
        folder = find_whisper(options)
        self._recogniser = None if folder is None else TurnRecogniser(folder, options.language, predictor.language)
        spec = predictor.model.features.text
        self._context: deque[UtteranceInputs] = deque(maxlen=spec.context if spec is not None else 0)
        self._relative = relative_modalities(predictor.model.features)
        self._parts: deque[Part] = deque()

    @property
    def language(self) -> Language | None:
        """Language of the speech, given or detected so far."""
        if self._recogniser is not None:
            return self._recogniser.language
        return None if self._options.language is None else Language(self._options.language)

    def predict(self, turn: Turn, *, provisional: bool = False) -> Utterance:
        """Predict one utterance.

        Args:
            turn: its speech; features of its faces have been made up to its end.
            provisional: of a turn that continues: faster, with less accurate words, without their attributions.
        """
        heard = None
        if self._recogniser is not None:
            heard = self._recogniser.recognise(self._sound, turn.window, turn.spans, provisional=provisional)
        words = () if heard is None else heard.words
        segment = Segment(words[0].start, words[-1].end, words) if words else Segment(turn.start, turn.end, ())
        faces = self._pictures.tracks(turn.window, provisional=provisional) if self._pictures else ()
        tracks = Tracks(self._voice_of(segment), tuple(faces), speaking=self._find_speaking(segment, turn.window))
        options = self._options.model_copy(update={"words": False}) if provisional else self._options
        check = check_language_of(
            [segment],
            self.language if heard is None else heard.language,
            self._predictor.language,
            options.language_mismatch,
            name="the stream",
            recorded=True,
        )
        line = TimeLine((segment,), (), speech=True, connected=True)
        earlier = Earlier(tuple(self._parts), tuple(self._context))
        found = predict_utterances(self._predictor, line, tracks, options, Parts(), check=check, earlier=earlier)
        part = next(iter(found.utterances), None)
        return Utterance(turn, segment, tracks, heard, part, (*check.notes, *found.notes))

    def accept(self, utterance: Utterance) -> None:
        """Remember an utterance that has ended for the next ones."""
        if self._recogniser is not None and utterance.heard is not None:
            self._recogniser.accept(utterance.heard)
        segment, tracks = utterance.segment, utterance.tracks
        if self._context.maxlen:
            read = utterance.part is not None and "text" in utterance.part.present
            self._context.append(UtteranceInputs(segment, {}, read=read))
        if self._relative:
            span = Span(segment.start, segment.end)
            chosen = tracks.choose(span)[0]
            faces = [] if chosen is None or "vision" not in self._relative else [tracks.faces[chosen]]
            voices = [tracks.audio] if tracks.audio is not None and "audio" in self._relative else []
            self._parts.append(Part([span], voices, faces))
            while len(self._parts) > 1 and sum(_seconds(part) for part in self._parts) > REMEMBERED:
                self._parts.popleft()

    def _find_speaking(self, segment: Segment, window: Span) -> dict[Span, Speaking]:
        if self._pictures is None or self._options.face != "speaking":
            return {}
        return find_speaking(self._pictures.measured(window), self._sound, [Span(segment.start, segment.end)])

    def _voice_of(self, segment: Segment) -> Track | None:
        if self._voice is None:
            return None
        piece = self._sound[round(segment.start * RATE) : round(segment.end * RATE)]
        track = self._voice(piece)
        return Track(track.times + segment.start, track.values)


def _seconds(part: Part) -> float:
    return sum(span.end - span.start for span in part.spans)
