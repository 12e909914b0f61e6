"""Check that what is said is in the model's language."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sentiprism.analysis.written import can_tell_language, doubt_language
from sentiprism.errors import UserError
from sentiprism.languages import language_name, same_language
from sentiprism.media.recognise import CERTAIN
from sentiprism.media.types import Language, Segment

Handling = Literal["note", "drop", "error"]
"""What becomes of words that are not in the model's language: judged with a note, left out, or refused."""


class LanguageCheck(NamedTuple):
    """What was found."""

    mismatch: Literal["noted", "dropped"] | None = None
    """What became of the words, where they are not in the model's language."""
    notes: tuple[str, ...] = ()
    assumed: str | None = None
    """Code of the language that the words are taken for, where too little is written to check it."""

    @property
    def caution(self) -> str | None:
        """Why an estimate of an utterance with words is weak."""
        reasons = {"noted": "its words are not in the model's language", "dropped": "its words are not judged"}
        return None if self.mismatch is None else reasons[self.mismatch]


def check_language_of(
    segments: Sequence[Segment],
    language: Language | None,
    model: str | None,
    handling: Handling,
    *,
    name: str,
    recorded: bool,
) -> LanguageCheck:
    """Compare the language of what is said with the model's.

    Args:
        segments: the utterances; without words there is nothing to compare.
        language: as it was given or recognised; None = not known, so that the words themselves are looked at.
        model: the model's language, None where it is not known or the model reads no words.
        handling: of words in another language.
        name: of the recording or text, for the message.
        recorded: whether there is more to be judged than words.

    Raises:
        UserError: the languages differ, and that is to be an error.
    """
    texts = [one.text for one in segments if one.text is not None]
    if not texts or model is None:
        return LanguageCheck(None, _uncertain(language) if texts else ())
    wanted, assumed = language_name(model), None
    if language is not None:
        sure = "" if language.probability is None else f" ({language.probability:.0%} sure)"
        differs = None if same_language(language.code, model) else f"in {language_name(language.code)}{sure}"
    else:
        reason = doubt_language(texts, model)
        differs = None if reason is None else f"hardly in {wanted} ({reason})"
        assumed = None if can_tell_language(texts, model) else model
    if differs is None:
        return LanguageCheck(None, _uncertain(language), assumed)
    if handling == "error":
        cause = f"the words of {name} are {differs}, the model's language is {wanted}"
        raise UserError(cause, "leave it out, name its language if that is wrong, or choose another language mismatch")
    what = "they are judged all the same, as asked"
    if handling == "drop":
        what = "they are not judged; voice and face alone are" if recorded else "they are not judged"
    note = f"The words are {differs}, the model's language is {wanted}: {what}."
    return LanguageCheck("dropped" if handling == "drop" else "noted", (note, *_uncertain(language)))


def _uncertain(language: Language | None) -> tuple[str, ...]:
    if language is None or language.probability is None or language.probability >= CERTAIN:
        return ()
    likely = sorted([(language.code, language.probability), *language.others], key=lambda one: -one[1])
    shares = ", ".join(f"{language_name(code)} {share:.0%}" for code, share in likely)
    taken = language_name(language.code)
    return (f"The language is not certain, or several are spoken: {shares}; it is taken for {taken}.",)
