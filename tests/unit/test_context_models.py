"""Context in models, saved models, recordings and explanations: the encoder reads it, the model sees its own tokens."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from makers_analysis import saved_model, spec
from makers_models import INTENSITY, batch, build, pad, rows, small, specs, with_context
from makers_text import SIZE, tiny_bert
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.predictor import Predictor, UtteranceInputs
from sentiprism.analysis.words import attribute_words
from sentiprism.data.dataset import Dataset, DatasetInfo, Utterance
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.store import load_dataset, write_dataset
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.explanation.coalitions import Coalitions, hide
from sentiprism.explanation.steps import attribute, explain_steps
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.media.types import Segment, Word
from sentiprism.models import MODELS, Model, load_model, save_model
from sentiprism.training.engine import Engine
from sentiprism.training.predict import predict
from sentiprism.training.train import train
from sentiprism.types import Batch, FeatureSpec, ModalitySpec, TargetSpec

close = {"rtol": 1e-4, "atol": 1e-5}


def model_of(name: str, tiny: Path) -> tuple[Model, Batch]:
    """A small model of tokens in evaluation mode, and samples that have context, all but the last."""
    features = specs(tiny, SIZE)
    text = features.text.model_copy(update={"context": 2})
    model = build(name, features.model_copy(update={"text": text}), INTENSITY, small(name)).eval()
    return model, with_context(batch(features, labels=False), SIZE)


@pytest.mark.parametrize("name", list(MODELS))
@torch.no_grad()
def test_every_model_reads_context_through_its_encoder_alone(name, tiny, tmp_path):
    model, given = model_of(name, tiny)
    plain = given._replace(context=None)
    found, without = model(given), model(plain)
    apart = (found.prediction - without.prediction).abs()
    assert apart[:-1].max() > 1e-6
    assert apart[-1] < 1e-6  # nothing was said before it
    for key in found.weights:  # no step of a weight over time is one of the context's
        assert found.weights[key].shape == without.weights[key].shape
    assert_close(model(pad(given, 4, garbage=37.0)).prediction, found.prediction, **close)
    alone = torch.cat([model(rows(given, torch.tensor([i]))).prediction for i in range(len(given.index))])
    assert_close(alone, found.prediction, **close)
    assert_close(model(hide(given, ("text",))).prediction, model(hide(plain, ("text",))).prediction)
    save_model(model, tmp_path / "model", {})
    again = load_model(tmp_path / "model").model
    assert again.features.text.context == 2
    assert_close(again(given).prediction, found.prediction, **close)


def test_gradients_reach_the_encoder_through_context(tiny):
    model, given = model_of("text_only", tiny)
    model(given).prediction.sum().backward()
    words = model.text_encoder.backbone.get_input_embeddings().weight.grad
    read = given.context.values[given.context.mask]
    assert (words[read].abs().sum(dim=1) > 0).all()


def test_only_the_utterances_own_words_are_credited(tiny):
    model, given = model_of("mag_bert", tiny)
    one = rows(given, torch.tensor([1]))
    values, total, error = attribute(model, one, "text")
    assert len(values) == int(one.text.mask.sum())
    assert error < 0.05 * np.abs(values).sum()
    with torch.no_grad():
        assert_close(Coalitions(model)(one).prediction[:, -1], model(one).prediction, **close)
    assert total != pytest.approx(attribute(model, one._replace(context=None), "text")[1], abs=1e-6)


# recordings


def said(text: str, start: float) -> Segment:
    words = tuple(Word(word, start + n, start + n + 1) for n, word in enumerate(text.split()))
    return Segment(start, start + len(words), words)


@pytest.fixture(scope="module", params=["tokens", "features"])
def predictor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Of a model whose encoder reads two utterances before; tuned, or frozen."""
    folder = tmp_path_factory.mktemp("predictor")
    text = ModalitySpec(
        kind=request.param,
        width=SIZE if request.param == "tokens" else 32,
        encoder=str(tiny_bert(folder / "text")),
        source="raw",
        max_tokens=40,
        context=2,
    )
    features = FeatureSpec(text=text, audio=spec(EXTRACTORS["speech"].recipe))
    return Predictor(saved_model(folder / "model", features), "cpu")


TEXTS = ("w1 w2 w3", "w4 w5", "w6 w7", "w8")


def values(predictor: Predictor, inputs: list[UtteranceInputs], utterances: int) -> list[float]:
    data = predictor.prepare(inputs, utterances)
    return [one.estimate.value for one in predictor.predict(data, range(len(inputs)))]


def test_utterances_of_a_recording_are_each_others_context_by_time(predictor, home):
    segments = [said(text, 10.0 * n) for n, text in enumerate(TEXTS)]
    together = values(predictor, [UtteranceInputs(one, {}) for one in segments], 4)
    alone = values(predictor, [UtteranceInputs(one, {}) for one in segments], 0)
    assert together[0] == pytest.approx(alone[0], abs=1e-5)  # a single text, or the first: no context, and it works
    assert all(abs(one - two) > 1e-6 for one, two in zip(together[1:], alone[1:], strict=True))
    # given in another order, and each once with each of two faces: time decides, and nobody comes before himself
    mixed = [segments[place] for place in (3, 3, 1, 1, 0, 0, 2, 2)]
    found = values(predictor, [UtteranceInputs(one, {}) for one in mixed], 8)
    assert found == pytest.approx([together[place] for place in (3, 3, 1, 1, 0, 0, 2, 2)], abs=1e-5)
    # only two before are read
    later = [segments[0]._replace(words=said("w90 w91", 0.0).words), *segments[1:]]
    changed = values(predictor, [UtteranceInputs(one, {}) for one in later], 4)
    assert changed[3] == pytest.approx(together[3], abs=1e-6)
    assert abs(changed[2] - together[2]) > 1e-6


def test_a_window_has_the_utterances_before_it_and_is_nobodys_context(predictor, home):
    segments = [said(text, 10.0 * n) for n, text in enumerate(TEXTS)]
    inputs = [UtteranceInputs(one, {}) for one in segments]
    window = UtteranceInputs(said("w6", 20.5), {})  # inside the third utterance
    with_window = values(predictor, [*inputs, window], 4)
    assert with_window[:4] == pytest.approx(values(predictor, inputs, 4), abs=1e-5)
    before = values(predictor, [*inputs[:2], window], 3)[2]
    assert with_window[4] == pytest.approx(before, abs=1e-5)


def test_words_that_are_not_read_are_no_context(predictor, home):
    first, second = said("w1 w2", 0.0), said("w3 w4", 10.0)
    found = values(predictor, [UtteranceInputs(first, {}, read=False), UtteranceInputs(second, {})], 2)
    assert found[1] == pytest.approx(values(predictor, [UtteranceInputs(second, {})], 0)[0], abs=1e-5)


def test_words_of_a_recording_are_credited_without_those_before(predictor, home):
    segments = [said(text, 10.0 * n) for n, text in enumerate(TEXTS)]
    inputs = [UtteranceInputs(one, {}) for one in segments]
    data = predictor.prepare(inputs, 4)
    found = attribute_words(predictor, data, segments, predictor.predict(data, range(4)))
    assert [len(credit) for credit in found] == [3, 2, 2, 1]
    alone = attribute_words(
        predictor, predictor.prepare(inputs), segments, predictor.predict(predictor.prepare(inputs), range(4))
    )
    assert found[0] == pytest.approx(alone[0], abs=1e-5)
    if predictor.model.features.text.kind == "tokens":  # of frozen states this model takes [CLS], which is no word
        assert found[2] != pytest.approx(alone[2], abs=1e-6)
    assert any("context" in note for note in predictor.describe().notes)


def test_rows_of_a_table_without_times_are_read_by_themselves(predictor, home, tmp_path):
    table = tmp_path / "rows.csv"

    def analyzed(text: str) -> list[float]:
        table.write_text(text, encoding="utf-8")
        return [one.estimate.value for one in analyze(table, predictor=predictor).utterances]

    apart = analyzed("text\nw1 w2\nw3 w4\n")
    assert apart[1] == pytest.approx(analyzed("text\nw3 w4\n")[0], abs=1e-5)
    timed = analyzed("text,start,end\nw1 w2,0,1\nw3 w4,2,3\n")
    assert abs(timed[1] - apart[1]) > 1e-6


# from training on


def told(name: str) -> Dataset:
    """Videos of four utterances, whose rows are not in the order in which they were said."""
    draw = np.random.default_rng(0)

    def one(part: str, video: int, clip: int) -> tuple[str, Utterance]:
        words = " ".join(f"w{draw.integers(50)}" for _ in range(draw.integers(2, 6)))
        return part, Utterance(f"{part}{video}_{clip}", f"{part}{video}", words, {"M": float(draw.uniform(-3, 3))})

    found = [
        one(part, video, clip) for part in ("train", "valid", "test") for video in range(4) for clip in (4, 1, 3, 2)
    ]
    return write_dataset(name, found, DatasetInfo(title="t", source="s", target=TargetSpec(), protocol="intensity"))


@pytest.mark.parametrize("mode", ["tune", "frozen"])
def test_a_run_with_context_keeps_it_in_its_saved_model(home, tiny, tmp_path, mode):
    told("told")
    settings = {
        "data": {"text": {"encoder": str(tiny), "mode": mode, "context": 2, "max_tokens": 40, "context_dropout": 0.3}},
        "optim": {"epochs": 2, "batch_size": 4, "lr": 1e-3},
    }
    run = train("text_only", "told", seeds=1, settings=settings, out=tmp_path / "run", device="cpu", quiet=True)
    found = evaluate(run, "test", device="cpu").predictions[0]
    folder = run.seed_folder(run.finished[0]) / "model"
    described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert described["features"]["text"]["context"] == 2
    model, test = load_model(folder).model, load_dataset("told").test
    again = predict(model, PreparedSplit(test, model.features), Engine("cpu"))
    assert_close(torch.tensor(again.prediction), torch.tensor(found.prediction))
    alone = predict(model, PreparedSplit(test, model.features).without_context(), Engine("cpu"))
    first = np.char.endswith(test.ids, "_1")
    assert again.prediction[first] == pytest.approx(alone.prediction[first], abs=1e-5)
    assert (np.abs(again.prediction - alone.prediction)[~first] > 1e-7).all()
    steps = explain_steps(run, "test0_3", device="cpu").steps["text"]
    own = test.texts[test.ids.tolist().index("test0_3")].split()
    assert steps.names == ("[CLS]", *own, "[SEP]")
