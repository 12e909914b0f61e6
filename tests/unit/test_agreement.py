"""How far accounts of a run agree: ranks with ties, over resamples and seeds."""

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from sentiprism.errors import UserError
from sentiprism.explanation.agreement import _spearman, agreement, kendall_within


def drawn(seed, shape=(2, 30, 3)):
    return np.random.default_rng(seed).integers(0, 6, shape).astype(float)  # many ties


def test_ranks_of_a_resample_are_those_of_its_rows():
    a, b = drawn(0)[0], drawn(1)[0]
    rows = np.random.default_rng(2).integers(30, size=(4, 30))
    counts = np.stack([np.bincount(row, minlength=30) for row in rows]).astype(float)
    expected = [spearmanr(a[row].ravel(), b[row].ravel()).statistic for row in rows]
    assert _spearman(a, b, counts) == pytest.approx(expected)


def test_kendalls_tau_b_within_an_utterance():
    a, b = drawn(3)[0], drawn(4)[0]
    expected = [kendalltau(x, y).statistic for x, y in zip(a, b, strict=True)]
    assert kendall_within(a, b) == pytest.approx(expected, nan_ok=True)
    assert np.isnan(expected).any()
    assert kendall_within(np.array([[1.0, 2, 3]]), np.array([[1.0, 3, 2]])) == pytest.approx([1 / 3])


def test_agreement_is_a_mean_over_seeds_with_an_interval():
    a, b = drawn(5), drawn(6)[0]
    found = agreement(a, b, resamples=200)
    for name, c in {"text": [0], "audio": [1], "vision": [2], "all": [0, 1, 2]}.items():
        each = [spearmanr(x[:, c].ravel(), b[:, c].ravel()).statistic for x in a]
        assert found.spearman[name].mean == pytest.approx(np.mean(each))
        assert found.spearman[name].std == pytest.approx(np.std(each, ddof=1))
        assert found.spearman[name].low < found.spearman[name].mean < found.spearman[name].high
    assert found.kendall.mean == pytest.approx(np.mean([np.nanmean(kendall_within(x, b)) for x in a]))
    assert found == agreement(a, b, resamples=200)


def test_an_account_agrees_with_itself_and_not_with_its_opposite():
    a = np.random.default_rng(0).random((20, 3))
    assert {tuple(np.round(v, 12)[[0, 2, 3]]) for v in agreement(a, a, resamples=20).table.values()} == {(1, 1, 1)}
    assert {round(v.mean, 12) for v in agreement(a, -a, resamples=20).table.values()} == {-1}


def test_what_never_changes_has_no_rank():
    a = np.random.default_rng(0).random((20, 3))
    a[:, 1] = 0.5
    assert agreement(a, a, resamples=5).spearman.keys() == {"text", "vision", "all"}
    with pytest.raises(UserError, match="1 utterances have no ranks"):
        agreement(a[:1], a[:1])
