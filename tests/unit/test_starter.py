"""The model that comes with the program, and how its dataset is made."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.fft import dct

import sentiprism
from sentiprism.analysis.predictor import Predictor, UtteranceInputs, UtterancePrediction, extractors_for
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.media.types import Segment, Word
from sentiprism.models import load_model
from tools.starter.card import render
from tools.starter.dataset import FACE, microphone, spoken, tracker

ROOT = Path(__file__).parents[2]
STARTER = Path(sentiprism.__file__).parent / "starter"
MOST = 2**20


def say(line: str) -> Segment:
    words = tuple(Word(word, 0.4 * n, 0.4 * (n + 1)) for n, word in enumerate(line.split()))
    return Segment(0.0, 0.4 * len(words), words)


def asked(predictor: Predictor, *inputs: UtteranceInputs) -> list[UtterancePrediction]:
    return predictor.predict(predictor.prepare(inputs), range(len(inputs)))


def test_it_is_small_and_what_it_asks_for_can_be_made_here():
    assert sum(path.stat().st_size for path in STARTER.rglob("*") if path.is_file()) <= MOST
    assert {path.name for path in STARTER.iterdir()} - {"__pycache__"} == {"config.json", "weights.safetensors"}
    model = load_model(STARTER).model
    assert model.modalities == ("text", "audio", "vision")
    for name, extractor in extractors_for(model.features, model.modalities).items():
        recipe = getattr(model.features, name).recipe
        assert EXTRACTORS[extractor.name].recipe.with_step(recipe.per).difference(recipe) is None


def test_it_tells_love_from_hate(home, minilm):
    lines = ("I love this film", "I hate this film", "what a wonderful surprise", "the worst evening of my life")
    love, hate, good, bad = asked(Predictor("starter"), *(UtteranceInputs(say(line), {}) for line in lines))
    assert love.estimate.value > 0 > hate.estimate.value
    assert good.estimate.value > bad.estimate.value + 1
    assert love.present == ("text",)
    assert love.estimate.low <= love.estimate.value <= love.estimate.high


def test_any_modalities_will_do(home, minilm):
    predictor = Predictor("starter")
    spec, draw = predictor.model.features, np.random.default_rng(0)
    made = {}
    for name, steps in {"audio": 40, "vision": 1}.items():
        one = getattr(spec, name)
        made[name] = draw.normal(one.mean, one.std, (steps, one.width)).astype(np.float32)
    for count in (1, 2, 3):
        for names in combinations(("text", "audio", "vision"), count):
            segment = say("it was fine") if "text" in names else Segment(0.0, 2.0, ())
            (answer,) = asked(
                predictor, UtteranceInputs(segment, {name: made[name] for name in names if name != "text"})
            )
            assert answer.present == names
            assert -3 <= answer.estimate.low <= answer.estimate.value <= answer.estimate.high <= 3
            assert sum(answer.contributions.values()) + answer.base == pytest.approx(answer.estimate.value, abs=1e-3)


def test_nothing_at_all_is_near_the_middle(home, minilm):
    (answer,) = asked(Predictor("starter"), UtteranceInputs(Segment(0.0, 2.0, ()), {}))
    assert answer.present == ()
    assert abs(answer.base) < 0.5


def test_a_smile_is_better_than_knit_brows(home, minilm):
    predictor = Predictor("starter")
    smile, knit = np.zeros((2, 1, len(FACE.columns)), np.float32)
    smile[0, FACE.columns.index("AU12_r")] = 3
    knit[0, FACE.columns.index("AU04_r")] = 3
    silent = Segment(0.0, 2.0, ())
    glad, cross = asked(
        predictor, UtteranceInputs(silent, {"vision": smile}), UtteranceInputs(silent, {"vision": knit})
    )
    assert glad.estimate.value > cross.estimate.value


def test_it_says_what_it_may_be_used_for_and_how_well_it_does():
    noted = load_model(STARTER).metadata
    assert "non-commercial" in noted["licence"]
    assert len(noted["limits"]) >= 3
    for source, most in {"mosi": "text", "mosei": "text", "ravdess": "audio + vision"}.items():
        found = noted["measured"][source]
        assert found[most]["mae"][2] < found["mean of train"]["mae"][1], source  # intervals do not touch
    joined, unrelated = noted["measured"]["joined"], noted["measured"]["unrelated"]
    assert unrelated["text + audio + vision"]["mae"][0] < unrelated["mean of train"]["mae"][1]
    assert joined["text + audio + vision"]["mae"][0] < joined["text"]["mae"][0]


def test_the_card_prints_what_the_model_carries():
    page = (ROOT / "docs" / "starter_model_card.md").read_text(encoding="utf-8")
    noted = load_model(STARTER).metadata
    again = render(STARTER, noted["measured"], dict.fromkeys(noted["measured"], "1 | 1 | 1"), noted["protocol"])
    tables = again[again.index("### ") : again.index("## Calibration")]
    assert tables in page


def test_another_microphone_moves_bands_and_cepstra_together():
    recipe = EXTRACTORS["speech"].recipe
    steps = np.random.default_rng(1).normal(size=(5, len(recipe.columns))).astype(np.float32)
    change = microphone(steps, recipe, np.random.default_rng(2)) - steps
    mel = change[:, [n for n, name in enumerate(recipe.columns) if name.startswith("mel_")]]
    mfcc = change[:, [n for n, name in enumerate(recipe.columns) if name.startswith("mfcc_")]]
    np.testing.assert_allclose(dct(mel, norm="ortho")[:, 1:14], mfcc, atol=1e-4)
    assert np.abs(mel).min() > 0
    kinds = zip(recipe.columns, recipe.units, strict=True)
    still = [n for n, (name, unit) in enumerate(kinds) if unit != "dB" and not name.startswith("mfcc_")]
    assert not change[:, still].any()


def test_another_tracker_keeps_the_range_and_the_rest():
    units = np.array([[0.0, 1.0, 5.0]], np.float32)
    found = np.concatenate([tracker(units, np.random.default_rng(n)) for n in range(50)])
    assert (found[:, 0] == 0).all()
    assert ((found >= 0) & (found <= 5)).all()
    assert found[:, 1].std() > 0.1


def test_silence_around_a_take_is_cut_and_pauses_stay():
    steps = np.zeros((8, 2), np.float32)
    steps[:, 1] = (-90, -80, -20, -70, -25, -40, -60, -90)
    steps[:, 0] = range(8)
    assert spoken(steps, 1)[:, 0].tolist() == [2, 3, 4, 5]
