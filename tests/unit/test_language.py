"""Which language is spoken or written, and what becomes of words that the model does not know."""

import csv
from collections import defaultdict

import numpy as np
import pytest

from makers_language import LATIN, OTHER
from makers_speech import TWO_CITIES
from sentiprism.analysis.language import LanguageCheck, check_language_of
from sentiprism.analysis.predictor import Predictor
from sentiprism.analysis.written import LEAST, can_tell_language, doubt_language
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.languages import NAMES, language_name, same_language
from sentiprism.media.recognise import choose_language, detect_language
from sentiprism.media.types import Language, Segment, Span, Word
from sentiprism.media.whisper import RATE
from sentiprism.models import load_model
from sentiprism.models.artifact import STARTER
from sentiprism.training.train import train

SAID = (Segment(0.0, 1.0, (Word("olá", 0.0, 0.5), Word("mundo", 0.5, 1.0))), Segment(1.0, 2.0, ()))
NOTE = "The words are in Portuguese (95% sure), the model's language is English"


def check(language, model="en", handling="drop", segments=SAID, recorded=True):
    return check_language_of(segments, language, model, handling, name="talk.mp4", recorded=recorded)


def test_the_likeliest_language_of_all_windows_is_chosen():
    told = [{"en": 0.9, "de": 0.1}, {"de": 0.6, "en": 0.4}]
    found = choose_language(told, [Span(0, 10), Span(10, 40)])
    assert found.code == "en"
    assert found.probability == pytest.approx((0.9 * 10 + 0.4 * 30) / 40)
    assert found.others == (("de", pytest.approx((0.1 * 10 + 0.6 * 30) / 40)),)
    assert choose_language([], []) is None
    later = choose_language([*told, {"de": 1.0}], [Span(0, 10), Span(10, 40), Span(40, 70)], chosen="en")
    assert (later.code, later.others[0][0]) == ("en", "de"), "it is decoded in one language from its beginning"
    assert later.probability == pytest.approx((0.9 * 10 + 0.4 * 30) / 70, abs=1e-4)


@pytest.mark.parametrize(
    ("told", "expected", "code"),
    [
        ({"tr": 0.65, "en": 0.18, "ar": 0.17}, "en", "en"),
        ({"tr": 0.65, "en": 0.18, "ar": 0.17}, None, "tr"),
        ({"tr": 0.85, "en": 0.15}, "en", "tr"),
        ({"gl": 0.55, "pt": 0.42, "en": 0.03}, "en", "gl"),
    ],
)
def test_where_none_is_certain_the_expected_language_is_taken_if_it_may_be(told, expected, code):
    found = choose_language([told], [Span(0, 2)], expected)
    assert (found.code, found.probability) == (code, told[code])


def test_words_in_another_language_are_dropped_noted_or_refused():
    spoken = Language("pt", 0.95)
    dropped = check(spoken)
    assert (dropped.mismatch, dropped.caution) == ("dropped", "its words are not used")
    assert dropped.notes == (f"{NOTE}: they are not used, only voice and face.",)
    assert check(spoken, recorded=False).notes == (f"{NOTE}: they are not used.",)
    noted = check(spoken, handling="note")
    assert (noted.mismatch, noted.caution) == ("noted", "its words are not in the model's language")
    assert noted.notes == (f"{NOTE}: they are used nevertheless, as requested.",)
    with pytest.raises(
        UserError, match=r"the words of talk.mp4 are in Portuguese \(95% sure\), the model's language is"
    ):
        check(spoken, handling="error")


def test_words_in_the_models_language_are_judged():
    assert check(Language("en", 0.99)) == LanguageCheck()
    assert check(Language("en")) == LanguageCheck()
    assert check(Language("pt", 0.95), model=None) == LanguageCheck()
    assert check(Language("pt", 0.95), segments=SAID[1:]) == LanguageCheck()
    assert check(Language("nn", 0.95), model="no") == LanguageCheck()


def test_what_is_not_certain_is_noted():
    found = check(Language("en", 0.55, (("cy", 0.4), ("de", 0.05))))
    assert found.mismatch is None
    shares = "English 55%, Welsh 40%, German 5%"
    assert found.notes == (f"The language is uncertain, or several are spoken: {shares}; it is treated as English.",)
    assert len(check(Language("cy", 0.55)).notes) == 2


def test_words_of_which_nobody_knows_the_language_are_looked_at():
    words = tuple(Word(text, n, n + 1) for n, text in enumerate(LATIN["de"].split()))
    found = check(None, segments=(Segment(0, len(words), words),))
    assert found.mismatch == "dropped"
    assert "hardly in English (it has hardly any of the commonest English words)" in found.notes[0]
    assert check(None) == LanguageCheck(assumed="en")  # two words tell nothing
    assert check(None, model=None) == LanguageCheck()
    assert found.assumed is None


@pytest.mark.parametrize("code", LATIN)
def test_a_text_in_another_language_is_hardly_english(code):
    assert len(LATIN[code].split()) >= LEAST
    assert doubt_language([LATIN[code]], "en") is not None
    assert doubt_language([LATIN[code]], code) is None


@pytest.mark.parametrize("code", OTHER)
def test_a_script_tells_a_language(code):
    assert "most of its letters are" in doubt_language([OTHER[code]], "en")
    assert doubt_language([OTHER[code]], code) is None
    assert "most of its letters are Latin" in doubt_language([TWO_CITIES], code)


def test_it_is_known_whether_a_text_is_long_enough_to_tell():
    assert can_tell_language(["word " * LEAST], "en")
    assert not can_tell_language(["word " * (LEAST - 1)], "en")
    assert can_tell_language([OTHER["th"]], "th")
    assert not can_tell_language([OTHER["th"][:5]], "th")
    assert not can_tell_language([LATIN["fr"]], "de"), "what is in Latin letters may be in another language"


def test_english_is_english(shared_data):
    """Every video of MOSI, and a novel; upper case and typographic apostrophes too."""
    videos = defaultdict(list)
    with (shared_data / "mosi" / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            videos[row["video_id"]].append(row["text"])
    assert len(videos) == 93
    for texts in (*videos.values(), [TWO_CITIES.upper()], ["It’s what they’re like. " * 20]):
        assert doubt_language(texts, "en") is None
    assert doubt_language(["Anna Karenina, Lev Tolstoi"], "en") is None  # too short to tell


def test_one_language_has_several_codes():
    assert same_language("en", "EN-us")
    assert same_language("nb", "nn")
    assert not same_language("en", "de")
    assert (language_name("de"), language_name("x")) == (NAMES["de"], "x")


def test_a_model_knows_its_language(home, tmp_path):
    assert Predictor(STARTER, "cpu").describe().language == "en"
    data = synthetic_dataset("tiny", sizes=(16, 8, 8))
    settings = {"optim": {"epochs": 1}, "data": {"text": {"encoder": None}}}
    run = train("ridge", "tiny", seeds=1, settings=settings, out=tmp_path / "run", device="cpu", quiet=True)
    assert load_model(run.seed_folder(run.config.seeds[0]) / "model").metadata["language"] == data.card.language


def test_speech_is_recognised_as_english(two_cities, whisper_base):
    piece = two_cities[: 10 * RATE]
    found = detect_language(piece, (Span(0.0, 10.0),), whisper_base)
    assert found.code == "en"
    assert found.probability > 0.9
    assert detect_language(np.zeros(0, np.int16), (), whisper_base) is None
