"""Note what a reader should know was not there, or is not known."""

from collections.abc import Sequence

from sentiprism.analysis.options import Options
from sentiprism.analysis.perceive import Tracks
from sentiprism.analysis.predictor import Predictor
from sentiprism.features.face_choice import are_several
from sentiprism.media.types import Media, Span
from sentiprism.report.schema import UtterancePart


def list_gaps(
    predictor: Predictor, media: Media | None, tracks: Tracks, utterances: Sequence[UtterancePart], options: Options
) -> list[str]:
    """Say what was not there, or is not known.

    Args:
        predictor: the model.
        media: the recording; None of a text.
        tracks: of its voice and faces.
        utterances: that the model predicted.
        options: which faces.
    """
    notes = []
    places = {Span(one.start, one.end) for one in utterances if "vision" in one.present}
    if count := sum(are_several(tracks.faces, place) for place in places):
        how = "with the one that is seen longest" if options.face == "largest" else "once with each of them"
        where = f"{count} of {len(places)} utterances" if count < len(places) else "every utterance"
        notes.append(
            f"Several faces are seen at once in {where}, judged {how}: whose voice and words they are is not known."
        )
    if media is not None and media.video is None:
        notes.append("There is no picture: faces cannot be judged.")
    elif media is not None and not tracks.faces:
        notes.append("No face was found in the picture.")
    known = predictor.model.modalities
    if utterances and not predictor.model.target.classes and predictor.saved.calibration is None:
        notes.append("The model is not calibrated: its estimates have no interval, and weak ones may pass for firm.")
    if tracks.audio is not None and "audio" not in known:
        notes.append("The model does not hear: the voice is drawn but has no part in the predictions.")
    if tracks.faces and "vision" not in known:
        notes.append("The model does not see: faces are drawn but have no part in the predictions.")
    spec = predictor.model.features.text
    most = spec.max_tokens if spec is not None and "text" in known else None
    if most is not None and (count := sum(len(one.words) > most for one in utterances)):
        notes.append(f"{count} utterances have more words than the model reads ({most}): their ends are not judged.")
    if not utterances:
        notes.append(f"There is nothing in this {'recording' if media else 'text'} that the model can judge.")
    return notes
