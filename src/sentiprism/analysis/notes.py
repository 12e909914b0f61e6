"""Notes for the reader on missing inputs and unknown facts."""

from collections.abc import Sequence

from sentiprism.analysis.options import Options
from sentiprism.analysis.perceive import Tracks
from sentiprism.analysis.predictor import Predictor
from sentiprism.features.face_choice import are_several
from sentiprism.media.types import Media, Span
from sentiprism.report.schema import UtterancePart


def _which(tracks: Tracks, options: Options) -> str:
    """Which of several faces is used, and how it was found."""
    unsure = sum(found.face is None for found in tracks.speaking.values())
    if options.face == "largest":
        return "the longest visible one is used. It is not known whose voice and words they are."
    if options.face == "all":
        return "each one has a prediction, and the certainty that it speaks where its lips could be measured."
    if not tracks.speaking:
        return "the longest visible one is used, since who speaks could not be measured."
    if not unsure:
        return "the one whose lips move with the sound is used."
    return (
        f"the one whose lips move with the sound is used. In {unsure} of them nobody's do clearly: the speaker may not "
        "be visible, and the longest visible face is used."
    )


def list_gaps(
    predictor: Predictor, media: Media | None, tracks: Tracks, utterances: Sequence[UtterancePart], options: Options
) -> list[str]:
    """List notes on what is missing or unknown.

    Args:
        predictor: the model.
        media: the recording; None for a text.
        tracks: features of its voice and faces.
        utterances: predicted utterances.
        options: the choice of faces.
    """
    notes = []
    places = {Span(one.start, one.end) for one in utterances if "vision" in one.present}
    if count := sum(are_several(tracks.faces, place) for place in places):
        where = f"{count} of {len(places)} utterances" if count < len(places) else "every utterance"
        notes.append(f"Several faces are visible at once in {where}; {_which(tracks, options)}")
    if media is not None and media.video is None:
        notes.append("There is no picture: faces cannot be analysed.")
    elif media is not None and not tracks.faces:
        notes.append("No face was found in the picture.")
    known = predictor.model.modalities
    if utterances and not predictor.model.target.classes and predictor.saved.calibration is None:
        notes.append("The model is not calibrated: its estimates have no interval, and weak ones may look firm.")
    if tracks.audio is not None and "audio" not in known:
        notes.append("The model does not use sound: the voice is shown but does not affect the predictions.")
    if tracks.faces and "vision" not in known:
        notes.append("The model does not use faces: they are shown but do not affect the predictions.")
    spec = predictor.model.features.text
    most = spec.max_tokens if spec is not None and "text" in known else None
    if most is not None and (count := sum(len(one.words) > most for one in utterances)):
        notes.append(f"{count} utterances have more words than the model reads ({most}): their ends are ignored.")
    if not utterances:
        notes.append(f"There is nothing in this {'recording' if media else 'text'} that the model can use.")
    return notes
