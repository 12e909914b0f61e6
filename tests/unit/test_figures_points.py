"""The points of a t-SNE figure are the utterances, by class, polarity or feature."""

import numpy as np
import pytest

from makers_models import small
from sentiprism.errors import UserError
from sentiprism.evaluation.opened import open_split
from sentiprism.explanation.representations import load_seed, representations
from sentiprism.metrics import protocol
from sentiprism.metrics.bins import bins_of
from sentiprism.report import figures
from sentiprism.training.train import train
from sentiprism.types import TargetSpec


def test_points_are_utterances_by_class(trained, data):
    (ax,) = figures.tsne(trained, split="train", device="cpu").axes
    kinds = bins_of(protocol("intensity"), TargetSpec())
    expected = np.bincount(kinds.of(data.train.labels["M"]), minlength=7)
    assert [(c.get_label(), len(c.get_offsets())) for c in ax.collections] == list(
        zip(kinds.names, expected, strict=True)
    )


def test_points_of_polarity_in_three_dimensions(trained, data):
    (ax,) = figures.tsne(trained, split="train", by="polarity", dimensions=3, device="cpu").axes
    sign = np.sign(data.train.labels["M"])
    assert ax.name == "3d"
    assert {c.get_label(): len(c.get_offsets()) for c in ax.collections} == {
        "negative": (sign < 0).sum(),
        "neutral": (sign == 0).sum(),
        "positive": (sign > 0).sum(),
    }


def test_points_of_features_are_whole_utterances_of_each(trained, data):
    figure = figures.tsne(trained, trained, split="train", by="feature", points=60, device="cpu")
    whole = representations(load_seed(open_split(trained, "train", device="cpu"), 1111), 60).whole.sum()
    names = ["text", "audio", "vision", "textual", "sound"]
    assert len(figure.axes) == 2
    for ax in figure.axes:
        counts = {c.get_label(): len(c.get_offsets()) for c in ax.collections}
        assert counts == dict.fromkeys(names, min(12, whole))
    some = figures.tsne(trained, split="train", by="feature", features=("text*",), device="cpu")
    assert [c.get_label() for c in some.axes[0].collections] == ["text", "textual"]


def test_the_six_features_of_fines_figure_5(data, tmp_path):
    settings = {"config": small("fine"), "data": {"text": {"encoder": None}}, "optim": {"epochs": 1}}
    run = train("fine", data, settings=settings, out=tmp_path / "fine", device="cpu", quiet=True)
    six = [f"{part}.{modality}" for modality in ("text", "audio", "vision") for part in ("shared", "specific")]
    patterns = ("shared.*", "specific.*")
    apart = figures.tsne(run, split="train", by="feature", features=patterns, device="cpu")
    assert sorted(c.get_label() for c in apart.axes[0].collections) == sorted(six)
    joined = figures.tsne(run, split="train", by="polarity", features=patterns, dimensions=3, device="cpu")
    said = "".join(text.get_text() for text in joined.findobj(lambda one: hasattr(one, "get_text")))
    assert " + ".join(six) in " ".join(said.split()), "the six joined"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ("fuse",)}, "did you mean 'fused'"),
        ({"by": "colour"}, "choose one of: class, feature, polarity"),
        ({"dimensions": 4}, "choose 2 or 3"),
        ({"points": 3}, "too few"),
    ],
)
def test_tsne_refuses_what_it_cannot_draw(trained, data, options, message):
    with pytest.raises(UserError, match=message):
        figures.tsne(trained, device="cpu", **options)
