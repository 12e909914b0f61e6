"""Detect that a text is not in its stated language.

This is a simple check by counts: whether the script differs from that of the language and, for English, whether common
words are rare. English texts of at least `LEAST` words had at least twice `FEWEST` (3,165 videos and dialogues of MOSI,
MOSEI and MELD), texts in 14 other languages with Latin letters at most half of it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import islice

LEAST = 60
"""Least number of words for checking a text by its words."""
FEWEST = 0.05
"""Share of `COMMON` words below which a text is probably not English."""
LETTERS = 20
"""Least number of letters for checking a text by its script."""
MOST = 100_000
"""Most letters and words that are counted."""
_COMMON = """
the and of that it you with for this are not but they what there she his your would about from were how who when just
know like because really their them think some which its have my i'm it's don't that's you're can't i'll he's she's
there's didn't i've we're
"""
COMMON = frozenset(_COMMON.split())
"""Frequent English words that are not words of similar languages as well ("in", "was", "so", "no")."""
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")

_SCRIPTS = """
LATIN af an br bs ca cs cy da de en eo es et eu fi fo fr fy ga gd gl hr ht hu id is it la lb lt lv mg mi mt nb nl nn no
LATIN oc pl pt rm ro sk sl sq sv sw tl tr vi
CYRILLIC ab av ba be bg ce cu cv kk kv ky mk mn os ru tg uk
ARABIC ar fa ps sd ug ur
HEBREW he yi
DEVANAGARI hi mr ne sa
CJK ja ko yue zh
HIRAGANA ja
KATAKANA ja
HANGUL ko
BENGALI as bn
ETHIOPIC am ti
TIBETAN bo dz
GREEK el
GEORGIAN ka
ARMENIAN hy
THAI th
LAO lo
KHMER km
MYANMAR my
TAMIL ta
TELUGU te
KANNADA kn
MALAYALAM ml
GUJARATI gu
SINHALA si
"""
SCRIPTS: dict[str, set[str]] = {}
"""First words of the Unicode names of a language's letters, without languages of several scripts."""
for _line in _SCRIPTS.split("\n"):
    for _code in _line.split()[1:]:
        SCRIPTS.setdefault(_code, set()).add(_line.split()[0])


def doubt_language(texts: Iterable[str], language: str) -> str | None:
    """Give a reason why a text is probably not in a language; None without one.

    Args:
        texts: the parts of the text.
        language: a code of `sentiprism.languages`.
    """
    whole = " ".join(texts)
    letters = Counter(map(_script, islice(filter(str.isalpha, whole), MOST)))
    own, count = SCRIPTS.get(language), sum(letters.values())
    if own is not None and count >= LETTERS and sum(letters[name] for name in own) < count / 2:
        return f"most of its letters are {letters.most_common(1)[0][0].capitalize()}"
    if language == "en":
        words = [found[0] for found in islice(_WORD.finditer(whole.lower().replace("\u2019", "'")), MOST)]
        if len(words) >= LEAST and sum(word in COMMON for word in words) < FEWEST * len(words):
            return "it has hardly any of the commonest English words"
    return None


def can_tell_language(texts: Iterable[str], language: str) -> bool:
    """Whether `doubt_language` could notice that a text is in another language.

    It cannot for an English text of fewer than `LEAST` words, or if other languages use the script of ``language``.

    Args:
        texts: the parts of the text.
        language: a code of `sentiprism.languages`.
    """
    whole = " ".join(texts)
    if language == "en":
        return sum(1 for _ in islice(_WORD.finditer(whole), LEAST)) == LEAST
    own = SCRIPTS.get(language, set())
    others = set[str]().union(*(scripts for code, scripts in SCRIPTS.items() if code != language))
    letters = sum(1 for _ in islice(filter(str.isalpha, whole), LETTERS))
    return bool(own) and own.isdisjoint(others) and letters == LETTERS


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").removeprefix("FULLWIDTH ").partition(" ")[0].partition("-")[0]
