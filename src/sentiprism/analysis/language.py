"""Check that the words are in the model's language."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sentiprism.analysis.written import can_tell_language, doubt_language
from sentiprism.errors import UserError
from sentiprism.languages import language_name, same_language
from sentiprism.media.recognise import CERTAIN
from sentiprism.media.types import Language, Segment

Handling = Literal["note", "drop", "error"]
"""Handling of words that are not in the model's language: used with a note, left out, or refused."""


class LanguageCheck(NamedTuple):
    """Result of the check."""

    mismatch: Literal["noted", "dropped"] | None = None
    """How words that are not in the model's language were handled."""
    notes: tuple[str, ...] = ()
    assumed: str | None = None
    """Code of the assumed language, if there are too few words to check it."""

    @property
    def caution(self) -> str | None:
        """Reason why estimates of utterances with words are weak."""
        reasons = {"noted": "its words are not in the model's language", "dropped": "its words are not used"}
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
    """Compare the language of the words with the model's.

    Args:
        segments: the utterances; without words there is nothing to compare.
        language: given or recognised; None = unknown, so that the words themselves are checked.
        model: the model's language; None if unknown or the model does not use words.
        handling: of words in another language.
        name: of the recording or text, for the message.
        recorded: whether there is voice or face in addition to words.

    Raises:
        UserError: the languages differ, and ``handling`` is ``error``.
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
    what = "they are used nevertheless, as requested"
    if handling == "drop":
        what = "they are not used, only voice and face" if recorded else "they are not used"
    note = f"The words are {differs}, the model's language is {wanted}: {what}."
    return LanguageCheck("dropped" if handling == "drop" else "noted", (note, *_uncertain(language)))


def _uncertain(language: Language | None) -> tuple[str, ...]:
    if language is None or language.probability is None or language.probability >= CERTAIN:
        return ()
    likely = sorted([(language.code, language.probability), *language.others], key=lambda one: -one[1])
    shares = ", ".join(f"{language_name(code)} {share:.0%}" for code, share in likely)
    taken = language_name(language.code)
    return (f"The language is uncertain, or several are spoken: {shares}; it is treated as {taken}.",)
