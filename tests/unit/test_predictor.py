"""What a saved model says of the utterances of a recording."""

import numpy as np
import pytest

from makers_analysis import features, saved_model, spec
from sentiprism.analysis.predictor import Predictor, UtteranceInputs, UtterancePrediction
from sentiprism.analysis.words import attribute_words
from sentiprism.errors import UserError
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.media.types import Segment, Word
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

SPEECH = EXTRACTORS["speech"].recipe
UNITS = EXTRACTORS["action_units"].recipe


def said(text: str, start: float = 0.0) -> Segment:
    words = tuple(Word(word, start + n, start + n + 1) for n, word in enumerate(text.split()))
    return Segment(start, start + len(words), words)


def inputs() -> list[UtteranceInputs]:
    rng = np.random.default_rng(0)
    voice = [rng.normal(0, 20, (n, len(SPEECH.columns))).astype(np.float32) for n in (7, 30, 12)]
    face = rng.normal(1, 1, (1, len(UNITS.columns))).astype(np.float32)
    return [
        UtteranceInputs(said("w1 w2 w3"), {"audio": voice[0], "vision": face}),
        UtteranceInputs(said("w4 w5"), {"audio": voice[1]}),
        UtteranceInputs(Segment(0, 3, ()), {"audio": voice[2], "vision": face[:0]}),
        UtteranceInputs(Segment(0, 3, ()), {}),
    ]


def asked(
    predictor: Predictor, those: list[UtteranceInputs] | None = None, *, contributions: bool = True
) -> list[UtterancePrediction]:
    those = inputs() if those is None else those
    return predictor.predict(predictor.prepare(those), range(len(those)), contributions=contributions)


def credited(predictor: Predictor, one: UtteranceInputs) -> list[float] | None:
    data = predictor.prepare([one])
    return attribute_words(predictor, data, [one.segment], predictor.predict(data, [0]))[0]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictor")
    return Predictor(saved_model(folder / "model", features(folder / "text")), "cpu")


def test_contributions_and_base_sum_to_the_answer(predictor):
    for answer in asked(predictor):
        assert answer.base + sum(answer.contributions.values()) == pytest.approx(answer.estimate.value, abs=1e-5)


def test_what_is_missing_is_said_and_owes_nothing(predictor):
    found = asked(predictor)
    assert [answer.present for answer in found] == [
        ("text", "audio", "vision"), ("text", "audio"), ("audio",), (),
    ]  # fmt: skip
    for answer in found:
        for name in {"text", "audio", "vision"} - set(answer.present):
            assert answer.contributions[name] == pytest.approx(0, abs=1e-6)
    assert found[3].estimate.value == pytest.approx(found[3].base, abs=1e-6)


def test_an_utterance_has_one_answer_in_any_company_and_without_contributions(predictor):
    together = [answer.estimate.value for answer in asked(predictor)]
    assert [asked(predictor, [one])[0].estimate.value for one in inputs()] == pytest.approx(together, abs=1e-5)
    assert [a.estimate.value for a in asked(predictor, contributions=False)] == pytest.approx(together, abs=1e-5)
    assert asked(predictor, []) == []


def test_words_are_credited_in_their_order(predictor):
    """A word in pieces counts once, and what the words add is what the whole text adds, but for [CLS] and [SEP]."""
    one = UtteranceInputs(said("w1 abc w2"), inputs()[0].features)
    credit = credited(predictor, one)
    assert len(credit) == 3
    assert all(np.isfinite(credit))
    assert any(abs(c) > 1e-6 for c in credit)
    assert credited(predictor, inputs()[2]) is None


def test_words_are_explained_with_dropout_off(predictor):
    """Asking for contributions once put the model into training, and words were credited through dropout."""
    asked(predictor)
    assert not predictor.model.training
    one = UtteranceInputs(said("w1 abc w2"), inputs()[0].features)
    assert credited(predictor, one) == credited(predictor, one)


@pytest.mark.parametrize("target", [TargetSpec(), TargetSpec(kind="classes", classes=("bad", "fine", "good"))])
def test_words_are_credited_in_company_as_alone(tmp_path, target):
    """Of any length, with a voice, a face or neither, in any order."""
    predictor = Predictor(saved_model(tmp_path / "model", features(tmp_path / "text"), target=target), "cpu")
    rng = np.random.default_rng(0)
    voices = [rng.normal(0, 20, (int(n), len(SPEECH.columns))).astype(np.float32) for n in rng.integers(0, 60, 40)]
    those = [
        UtteranceInputs(said(" ".join(f"w{rng.integers(90)}" for _ in range(rng.integers(1, 50)))), {"audio": voice})
        for voice in voices
    ]
    those[7] = UtteranceInputs(Segment(0, 3, ()), {"audio": voices[7]})
    data, done = predictor.prepare(those), []
    found = attribute_words(predictor, data, [one.segment for one in those], asked(predictor, those), done.append)
    assert sum(done) == len(those)
    assert found[7] is None
    for one, together in zip(those, found, strict=True):
        if together is not None:
            assert together == pytest.approx(credited(predictor, one), abs=1e-5)


def test_words_beyond_what_the_encoder_reads_add_nothing(predictor):
    long = UtteranceInputs(said(" ".join(f"w{n}" for n in range(60))), {})
    credit = credited(predictor, long)
    assert len(credit) == 60
    assert credit[-1] == 0
    assert credit[37] != 0  # 40 tokens, [CLS] and [SEP] among them


def test_classes_have_probabilities(tmp_path):
    target = TargetSpec(kind="classes", classes=("bad", "fine", "good"))
    predictor = Predictor(saved_model(tmp_path / "model", features(tmp_path / "text"), target=target), "cpu")
    for answer in asked(predictor):
        assert sum(answer.estimate.probabilities) == pytest.approx(1)
        assert answer.estimate.value == np.argmax(answer.estimate.probabilities)
    assert credited(predictor, inputs()[0]) is not None


def test_intervals_come_with_a_calibrated_model(tmp_path):
    calibration = {
        "kind": "interval", "level": 0.9, "quantile": 0.5, "samples": 20, "low": -3.0, "high": 3.0,
    }  # fmt: skip
    calibration["only"] = {"audio": {**calibration, "quantile": 1.5}}
    folder = saved_model(tmp_path / "model", features(tmp_path / "text"), calibration=calibration, limits=["acted"])
    predictor = Predictor(folder, "cpu")
    for answer in asked(predictor):
        width = 3.0 if answer.present == ("audio",) else 1.0
        assert (answer.estimate.high - answer.estimate.low) == pytest.approx(width, abs=1e-4)
    assert predictor.describe().level == 0.9
    assert "acted" in predictor.describe().notes


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (spec(SPEECH.model_copy(update={"columns": ("odd", *SPEECH.columns[1:])})), "column 1 is"),
        (spec(SPEECH.model_copy(update={"version": 99})), "version is"),
        (spec(SPEECH.model_copy(update={"extractor": "speach"})), "did you mean 'speech'"),
        (ModalitySpec(kind="features", width=74), "does not say how its 74 audio features are made"),
    ],
)
def test_a_model_whose_features_cannot_be_made_is_refused_by_what_differs(tmp_path, audio, message):
    folder = saved_model(tmp_path / "model", FeatureSpec(audio=audio))
    with pytest.raises(UserError, match=message):
        Predictor(folder)


def test_a_model_of_stored_text_features_is_refused(tmp_path):
    folder = saved_model(tmp_path / "model", FeatureSpec(text=ModalitySpec(kind="features", width=300)))
    with pytest.raises(UserError, match="stored text features"):
        Predictor(folder)
