"""What the card of an extracted dataset says of its language, where nothing is recognised."""

import csv

import pytest

from makers_media import make_media, sine
from sentiprism.analysis.extract import extract

pytest.importorskip("librosa", reason="librosa (extra media) is not installed")

LONG = "and then they were really good because of what you said about it " * 5
NOTE = "the texts are too short to detect their language, and treated as English"


@pytest.fixture
def made(home, tmp_path):
    """A dataset of three recordings, all with one text."""

    def make(text: str, language: str | None = None):
        folder = tmp_path / "clips"
        folder.mkdir()
        with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "text", "label", "split"])
            for name, split in (("a", "train"), ("b", "valid"), ("c", "test")):
                make_media(folder / f"{name}.wav", samples=sine(0.5, 16000, 200))
                writer.writerow([name, text, 1, split])
        options = {"audio": "speech", "vision": "none"}
        labels = tmp_path / "labels.csv"
        return extract(folder, "mine", labels=labels, options=options, low=-3, high=3, language=language).dataset

    return make


@pytest.mark.parametrize(
    ("text", "language", "noted"),
    [("ja gut", None, True), (LONG, None, False), ("ja gut", "de", False), ("good", "en", False), ("", None, False)],
)
def test_a_language_that_is_assumed_is_noted(made, text, language, noted):
    card = made(text, language).card
    assert card.language == (language or "en")
    assert (NOTE in card.warnings) is noted


def test_texts_that_are_hardly_english_are_noted_as_such(made):
    card = made("я думаю, что это очень хорошо").card
    assert not any("too short" in line for line in card.warnings)
    assert any(
        line.startswith("the texts are probably not in English: most of its letters are") for line in card.warnings
    )
