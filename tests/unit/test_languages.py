"""Codes of languages: those of the standard, and what was meant by others."""

import pytest

from makers_hostile import refusal
from sentiprism.languages import NAMES, check_language


@pytest.mark.parametrize("code", ["en", "EN", " zh ", "haw", "yue", "jw", "mis"])
def test_a_code_is_taken_in_any_case(code: str) -> None:
    assert check_language(code) == code.strip().lower()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("english", "did you mean 'en' (English)?"),
        ("en-US", "did you mean 'en' (English)?"),
        ("zh_Hans", "did you mean 'zh' (Chinese)?"),
        ("javanese", "did you mean 'jv' (Javanese)?"),
        ("xx", "give its two-letter ISO 639-1 code, such as 'en', or 'mis'"),
        ("deutsch", "give its two-letter"),
        ("", "'' is not a language code"),
        ("x" * 10_000, "is not a language code"),
        ("e\x1bn", "'e\\x1bn' is not"),
    ],
)
def test_what_is_no_code_is_refused(given: str, told: str) -> None:
    refusal(lambda: check_language(given), told)


def test_every_language_of_the_recogniser_has_a_name() -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer", reason="faster-whisper (extra media) is not installed")
    assert set(tokenizer._LANGUAGE_CODES) <= NAMES.keys()
    assert len({code for code in NAMES if len(code) == 2}) == 185, "ISO 639-1 has 184, and Whisper's jw"
