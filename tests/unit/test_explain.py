"""Attributions are exact where they can be, complete where they are integrals, and recover what was planted."""

import json

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from makers_cli import SMALL
from makers_models import CLASSES, INTENSITY, batch, build, small, specs
from makers_store import utterance, write
from makers_text import tiny_bert
from sentiprism.data.dataset import SPLITS
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.explanation.coalitions import Coalitions, hide
from sentiprism.explanation.modalities import explain
from sentiprism.explanation.steps import attribute, explain_steps, join_pieces
from sentiprism.explanation.values import chosen_class, occlusion, shapley, shares
from sentiprism.models import MODELS, Model, ModelConfig
from sentiprism.models.base import Citation
from sentiprism.nn.blocks import masked_mean
from sentiprism.training.train import train
from sentiprism.types import MODALITIES, ModelOutput

# games, by hand


def test_in_an_additive_game_everybody_gets_what_he_brings():
    worth = np.array([2.0, -1.0, 0.5])
    values = [7 + sum(worth[m] for m in range(3) if n >> m & 1) for n in range(8)]
    assert shapley(values) == pytest.approx(worth)
    assert occlusion(values) == pytest.approx(worth)


def test_what_two_do_together_is_halved():
    values = [float(n & 3 == 3) for n in range(8)]  # v = 1 where the first two are in, whoever else is
    assert shapley(values).tolist() == [0.5, 0.5, 0]
    assert occlusion(values).tolist() == [1, 1, 0]


def test_the_glove_game():
    """One left glove, two right ones; only a pair is worth 1: 4/6, 1/6, 1/6 (Shapley 1953)."""
    values = [float(n & 1 and n & 6 != 0) for n in range(8)]
    assert shapley(values) == pytest.approx([4 / 6, 1 / 6, 1 / 6])
    assert occlusion(values).tolist() == [1, 0, 0]


@pytest.mark.parametrize("players", [1, 2, 3])
def test_the_values_sum_to_what_all_add_to_nobody(players):
    v = np.random.default_rng(0).normal(size=(5, 2**players))
    assert shapley(v).shape == (5, players)
    assert np.allclose(shapley(v).sum(axis=1), v[:, -1] - v[:, 0], atol=1e-14)


def test_of_classes_the_logit_of_the_one_predicted_with_all_is_explained():
    logits = np.array([[[0.0, 9.0], [1.0, 2.0], [3.0, 4.0], [6.0, 5.0]]])  # (1, 4, 2): class 0 is predicted
    assert chosen_class(logits).tolist() == [[0, 1, 3, 6]]
    assert chosen_class(logits[..., 0]).tolist() == [[0, 1, 3, 6]]


def test_shares_are_of_the_amounts():
    assert shares([[1.0, -3.0], [0.0, 0.0]]).tolist() == [[0.25, 0.75], [0, 0]]


# models


class Toy(Model):
    """Means of the modalities, times one another where ``together``; a modality that is missing adds nothing."""

    citation = Citation("", "", "", 0)
    Config = ModelConfig
    name = "toy"
    together = False

    def forward(self, given):
        means = [masked_mean(*getattr(given, name)).sum(dim=1) for name in self.modalities]
        real = self.present(given)
        parts = torch.stack([torch.where(real[:, i], mean, 0.0) for i, mean in enumerate(means)], dim=1)
        answer = 1 + parts.sum(dim=1) + (10 * parts[:, 0] * parts[:, 1] if self.together else 0)
        return ModelOutput(answer, {}, {}, {})


@pytest.fixture(scope="module")
def features():
    return specs()


def test_an_additive_model_is_taken_apart(features):
    given = batch(features)
    toy = Toy(features, INTENSITY, ModelConfig())
    found = shapley(Coalitions(toy)(given).prediction)
    brought = torch.stack([masked_mean(*getattr(given, name)).sum(dim=1) for name in MODALITIES], dim=1)
    assert np.allclose(found, brought, atol=1e-5)


def test_what_two_modalities_do_together_is_halved_between_them(features):
    given = batch(features)
    alone, toy = (Toy(features, INTENSITY, ModelConfig()) for _ in range(2))
    toy.together = True
    more = shapley(Coalitions(toy)(given).prediction) - shapley(Coalitions(alone)(given).prediction)
    parts = [masked_mean(*getattr(given, name)).sum(dim=1).numpy() for name in MODALITIES]
    half = 5 * parts[0] * parts[1]
    assert np.allclose(more, np.stack([half, half, np.zeros(6)], axis=1), atol=1e-4)


@pytest.mark.parametrize("target", [INTENSITY, CLASSES], ids=["intensity", "classes"])
@pytest.mark.parametrize("name", MODELS)
def test_any_model_answers_for_every_coalition(name, features, target):
    model = build(name, features, target, small(name)).eval()
    given = batch(features, target=target)._replace(vision=hide(batch(features), ("vision",)).vision)
    with torch.no_grad():
        values = chosen_class(Coalitions(model)(given).prediction.numpy())
        whole = chosen_class(model(given._replace(labels={})).prediction[:, None].numpy())
    found = shapley(values)
    assert np.isfinite(found).all()
    assert np.allclose(values[:, -1:], whole, atol=1e-6)
    assert np.allclose(found.sum(axis=1), values[:, -1] - values[:, 0], atol=1e-6)
    if "vision" in model.modalities:  # it is missing in all: there is nothing to be owed to it
        assert np.allclose(found[:, model.modalities.index("vision")], 0, atol=1e-5)


# runs


@pytest.fixture
def explanation(trained, data):
    return explain(trained, device="cpu")


def test_a_run_is_explained_on_every_utterance_and_seed(explanation, trained, data):
    assert (explanation.seeds, explanation.modalities) == ((1111, 1112), MODALITIES)
    answers = evaluate(trained, device="cpu").stacked
    assert np.allclose(explanation.prediction, answers, atol=1e-5)
    assert np.allclose(explanation.shapley.sum(axis=-1), explanation.prediction - explanation.base, atol=1e-12)
    missing = data.test.planted["contribution"] == 0
    assert missing.any()
    assert np.abs(explanation.shapley[:, missing]).max() < 1e-5
    assert np.array_equal(explanation.whole, ~missing.any(axis=1))


def test_accounts_are_held_against_each_other_and_against_what_was_planted(explanation, trained, data):
    pairs = {"weights, shapley", "weights, occlusion", "occlusion, shapley"}
    assert explanation.agreements.keys() == pairs | {f"{a}, planted" for a in ("shapley", "occlusion", "weights")}
    recovery = evaluate(trained, device="cpu").recovery
    found = explanation.agreements["weights, planted"].spearman
    assert {name: value.mean for name, value in found.items()} == pytest.approx(recovery)
    rows = explanation.whole
    planted = data.test.planted["contribution"][rows].ravel()
    each = [spearmanr(shares(one)[rows].ravel(), planted).statistic for one in explanation.shapley]
    assert explanation.agreements["shapley, planted"].spearman["all"].mean == pytest.approx(np.mean(each))


def test_json_has_every_utterance(explanation, data):
    told = json.loads(json.dumps(explanation.to_dict()))
    assert [one["id"] for one in told["utterances"]] == data.test.ids.tolist()
    for one in told["utterances"]:
        assert sum(one["shapley"].values()) == pytest.approx(one["answer"] - one["base"])
        assert sum(one["weights"].values()) == pytest.approx(1)


def test_shapley_recovers_planted_contributions_from_a_model_that_fits(home, tmp_path):
    """Least squares on pooled features: the signals are linear in them, and tanh leaves ranks mostly alone."""
    synthetic_dataset("planted", sizes=(400, 40, 120))
    settings = {"optim": {"epochs": 12, "lr": 0.02, "batch_size": 64}}
    run = train("ridge", "planted", settings=settings, out=tmp_path / "run", device="cpu", quiet=True)
    found = explain(run, device="cpu").agreements["shapley, planted"].spearman["all"]
    assert found.mean >= 0.8
    assert 0.7 < found.low < found.mean < found.high


# steps


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_parts_of_a_linear_model_are_its_terms(features, modality):
    given = batch(features, 1, labels=False)
    parts, total, error = attribute(Toy(features, INTENSITY, ModelConfig()), given, modality)
    values = getattr(given, modality).values[0]
    assert parts == pytest.approx(values.sum(dim=1).numpy() / len(values), abs=1e-5)
    assert total == pytest.approx(parts.sum(), abs=1e-5)
    assert error < 1e-5


@pytest.mark.parametrize("name", ["mdf", "tmt", "dlf"])
def test_the_parts_of_any_model_sum_to_the_change_of_its_answer(name, features):
    model = build(name, features, CLASSES, small(name)).eval()
    given = batch(features, 1, labels=False)
    for modality in MODALITIES:
        parts, total, error = attribute(model, given, modality, target=1)
        sequence = getattr(given, modality)
        empty = given._replace(**{modality: sequence._replace(values=torch.zeros_like(sequence.values))})
        with torch.no_grad():
            change = (model(given).prediction - model(empty).prediction)[0, 1].item()
        assert total == pytest.approx(change, abs=1e-6)
        assert error == pytest.approx(abs(parts.sum() - total), abs=1e-9)
        assert error <= 0.01 * np.abs(parts).sum() + 1e-6


@pytest.mark.parametrize("name", ["mdf", "text_only"])
def test_tokens_are_entered_behind_their_embeddings(name, tmp_path):
    folder = tiny_bert(tmp_path / "bert")
    model = build(name, specs(folder, 1157), config=small(name)).eval()
    given = batch(specs(folder, 1157), 1, labels=False)
    ids = given.text.values.clone()
    ids[0, 0], ids[0, -1] = 2, 3  # [CLS], [SEP]
    parts, total, error = attribute(model, given._replace(text=given.text._replace(values=ids)), "text")
    assert parts[[0, -1]].tolist() == [0, 0]  # they are in the baseline too
    assert np.abs(parts[1:-1]).min() > 0
    assert error <= 0.01 * np.abs(parts).sum()
    masked = torch.where((ids == 2) | (ids == 3), ids, 4)
    with torch.no_grad():
        texts = [given._replace(text=given.text._replace(values=v)) for v in (ids, masked)]
        one, other = (model(text).prediction.item() for text in texts)
    assert total == pytest.approx(one - other, abs=1e-6)


@pytest.mark.parametrize(
    ("pieces", "joined", "sums"),
    [
        (
            ["[CLS]", "un", "##believ", "##able", "film", "[SEP]"],
            ("[CLS]", "unbelievable", "film", "[SEP]"),
            [1, 9, 5, 6],
        ),
        (["<s>", "so", "Ġbo", "ring", "</s>"], ("<s>", "so", "boring", "</s>"), [1, 2, 7, 5]),
        (["▁a", "b", "▁c"], ("ab", "c"), [3, 3]),
    ],
)
def test_pieces_of_a_word_are_summed(pieces, joined, sums):
    names, values = join_pieces(pieces, np.arange(1.0, len(pieces) + 1), frozenset({"[CLS]", "[SEP]", "<s>", "</s>"}))
    assert names == joined
    assert values.tolist() == sums


def test_one_utterance_is_explained_down_to_its_frames(trained, data, explanation):
    row = int(np.flatnonzero(~explanation.whole)[0])
    found = explain_steps(trained, str(data.test.ids[row]), seed=1112, device="cpu")
    assert found.attributions["shapley"] == pytest.approx(
        dict(zip(MODALITIES, explanation.shapley[1, row].tolist(), strict=True)), abs=1e-5
    )
    assert found.label == data.test.labels["M"][row]
    lengths = {name: int(data.test.sequences[name].lengths[row]) for name in MODALITIES}
    assert {name: len(part.values) for name, part in found.steps.items()} == {n: T for n, T in lengths.items() if T}
    assert json.loads(json.dumps(found.to_dict()))["steps"].keys() == found.steps.keys()


def test_words_are_told_from_frames(home, tmp_path):
    splits = [split for split in SPLITS for _ in range(4)]
    said = [(split, utterance(f"u{n}", text=f"w{n} w{n + 1}")) for n, split in enumerate(splits)]
    write(said, "told")
    settings = {**SMALL, "data": {"text": {"encoder": str(tiny_bert(tmp_path / "bert"))}}}
    run = train("mdf", "told", seeds=1, settings=settings, out=tmp_path / "run", device="cpu", quiet=True)
    found = explain_steps(run, "u8", device="cpu").steps
    assert (found["text"].words, found["text"].names) == (True, ("[CLS]", "w8", "w9", "[SEP]"))
    assert (found["audio"].words, found["audio"].names) == (False, ("0", "1", "2", "3"))


def test_an_utterance_that_is_not_there_answers_with_the_near_match(trained, data):
    with pytest.raises(UserError, match="no utterance of valid is called 'vald-0000-1'; did you mean 'valid-0000-1'"):
        explain_steps(trained, "vald-0000-1", "valid", device="cpu")


def test_without_captum_words_and_frames_say_how_to_get_it(trained, data, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    with pytest.raises(UserError, match=r"captum is not installed; pip install .*\[explain\]"):
        explain_steps(trained, str(data.test.ids[0]), device="cpu")
