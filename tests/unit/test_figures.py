"""Figures show the numbers they stand for, and every text in them can be read."""

import re
import shutil

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from makers_models import small
from makers_store import store_at
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.predictions_file import write_predictions
from sentiprism.explanation.attention import AttentionMap
from sentiprism.metrics import protocol
from sentiprism.metrics.bins import bins_of
from sentiprism.report import figures
from sentiprism.report.figures.attention import stacks
from sentiprism.report.figures.style import OKABE_ITO, WIDTH
from sentiprism.training.predict import Predictions
from sentiprism.training.run import Run
from sentiprism.training.train import train
from sentiprism.types import TargetSpec


@pytest.fixture
def measured(trained, data):
    return evaluate(trained, "test", device="cpu")


def quick(model, dataset, out, **config) -> Run:
    settings = {"config": {**small(model), **config}, "optim": {"epochs": 1, "batch_size": 16}}
    return train(model, dataset, settings=settings, out=out, device="cpu", quiet=True)


@pytest.fixture(scope="module")
def attending(small_home, tmp_path_factory) -> Run:
    with store_at(small_home):
        return quick("tmt", "small", tmp_path_factory.mktemp("runs") / "attending", depth=2)


@pytest.fixture
def gated(trained, tmp_path):
    """A run whose kept predictions have two gates of known values, some of them 0."""
    run = Run(shutil.copytree(trained.folder, tmp_path / "gated"))
    rng = np.random.default_rng(0)
    path, label = rng.dirichlet((3, 5), 40).astype(np.float32), rng.uniform(-3, 3, 40).astype(np.float32)
    modality = rng.dirichlet((2, 2, 2), 40).astype(np.float32)
    modality[:4] = (0.5, 0.5, 0)
    weights = {"modality": modality, "path": path, "modality_target": modality}
    for seed in run.finished:
        kept = Predictions(np.arange(40), label, label + seed % 2, weights)
        write_predictions(run.seed_folder(seed) / "predictions-test.parquet", kept)
    return run, weights


def drawn(figure) -> list[tuple[Text, object]]:
    """Every text that a renderer is asked to draw, with its box in pixels."""
    found, original = [], Text.draw

    def draw(self, renderer, *args, **kwargs):
        if self.get_visible() and self.get_text().strip():
            found.append((self, Text.get_window_extent(self, renderer)))
        return original(self, renderer, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", draw)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        found.clear()  # the first pass lays the figure out
        canvas.draw()
    return found


def assert_readable(figure):
    texts = drawn(figure)
    width, height = figure.canvas.get_width_height()
    assert figure.get_figwidth() == WIDTH
    assert len(texts) >= 3
    for text, box in texts:
        assert text.get_fontsize() >= 6.5, text
        assert -1 <= box.x0 < box.x1 <= width + 1, text
        assert -1 <= box.y0 < box.y1 <= height + 1, text
    for i, (one, a) in enumerate(texts):
        for other, b in texts[:i]:
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            down = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across <= 1 or down <= 1, (one.get_text(), other.get_text())


def words(figure) -> str:
    return " ".join(" ".join(text.get_text().split()) for text, _ in drawn(figure))


# each figure


def test_weights_are_stacked_in_one_order_in_both_panels(measured, trained):
    figure = figures.weights(trained, seed=1112)
    w = measured.predictions[1].weights["modality"]
    target = measured.predictions[1].weights["modality_target"]
    order = np.argsort(w[:, 0], kind="stable")
    assert len(figure.axes) == 2
    for ax, values in zip(figure.axes, (w, target), strict=True):
        assert ax.get_xlim() == (0, 16)
        tops = np.cumsum(values[order], axis=1)
        assert [area.get_label() for area in ax.collections] == ["text", "audio", "vision"]
        for area, top in zip(ax.collections, tops.T, strict=True):
            corners = area.get_paths()[0].vertices
            for n in range(16):
                inside = corners[np.isclose(corners[:, 0], n) | np.isclose(corners[:, 0], n + 1)]
                assert np.isclose(inside[:, 1], top[n], atol=1e-6).any()
        assert np.allclose(tops[:, -1], 1, atol=1e-5)
    assert "seed 1112" in words(figure)


def test_a_model_without_weights_says_why(small_home, data, tmp_path):
    run = quick("text_only", "small", tmp_path / "run")
    for draw in (figures.weights, figures.gates):
        with pytest.raises(UserError, match="there is nothing to weight"):
            draw(run, device="cpu")


def test_gates_show_mean_and_deviation_of_what_takes_part(gated):
    run, weights = gated
    figure = figures.gates(run)
    shown = words(figure)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["modality", "path"]
    assert [t.get_text() for t in figure.axes[1].get_yticklabels()] == ["global", "local"]
    vision = weights["modality"][4:, 2]  # in the first four it is missing
    for values in (weights["modality"][:, 0], vision, weights["path"][:, 1]):
        assert f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" in shown
    (bars,) = (patch for patch in figure.axes[0].patches if patch.get_label() == "vision")
    heights, _, base = bars.get_data()
    counts = np.histogram(vision, 50, (0, 1))[0]
    assert np.allclose((heights - base) / 0.85 * counts.max(), counts)


def test_confusion_of_one_seed_counts_every_utterance(measured, trained):
    figure = figures.confusion(trained, seed=1111)
    grid, bars = figure.axes
    answer, kinds = measured.predictions[0], bins_of(protocol("intensity"), TargetSpec())
    table = kinds.table(answer.prediction, answer.label)
    names = [text.get_text() for text in grid.get_yticklabels()]
    there = [kinds.names.index(name) for name in names]
    K = len(names)
    cells = np.array([int(text.get_text()) for text in grid.texts]).reshape(K, K)
    assert np.array_equal(cells, table[np.ix_(there, there)])
    assert cells.sum() == table.sum() == 16
    labels = np.bincount(kinds.of(answer.label), minlength=7)[there]
    assert cells.sum(axis=1).tolist() == labels.tolist()
    accuracy = [100 * cells[i, i] / labels[i] if labels[i] else 0 for i in range(K)]
    assert np.allclose([bar.get_width() for bar in bars.patches], accuracy)
    overall = 100 * protocol("intensity").compute(answer.prediction, answer.label)["acc_7"]
    assert f"Acc-7 {overall:.1f};" in words(figure)


def test_confusion_of_all_seeds_is_their_mean_with_deviation(measured, trained):
    bars = figures.confusion(trained).axes[1]
    kinds = bins_of(protocol("intensity"), TargetSpec())
    tables = [kinds.table(one.prediction, one.label) for one in measured.predictions]
    there = np.flatnonzero(np.sum([t.sum(axis=0) + t.sum(axis=1) for t in tables], axis=0))
    with np.errstate(invalid="ignore"):
        accuracy = np.array([100 * np.diag(table) / table.sum(axis=1) for table in tables])[:, there]
    assert np.allclose([bar.get_width() for bar in bars.patches], np.nan_to_num(accuracy.mean(axis=0)))
    spans = [np.ptp(line[:, 0]) / 2 for line in bars.collections[0].get_segments()]
    assert np.allclose(spans, accuracy.std(axis=0, ddof=1), equal_nan=True)


def test_attention_panels_are_the_stacks(attending, data):
    figure = figures.attention(attending, "train", limit=4, device="cpu")
    titles = [ax.get_title().split("\n")[0] for ax in figure.axes]
    assert titles == ["disentangler.0", "disentangler.1", "specific_reads", "invariant_reads"]
    for ax in figure.axes:
        weights = ax.images[0].get_array()
        assert np.allclose(weights.sum(axis=1), 1, atol=1e-4)
        assert re.search(rf"\n{weights.max():.2g}, H [01]\.\d\d$", ax.get_title())
    one = figures.attention(attending, "train", layers=("specific*",), limit=4, device="cpu")
    assert [ax.get_title().split("\n")[0] for ax in one.axes] == ["specific_reads"]
    with pytest.raises(UserError, match="choose from: disentangler"):
        figures.attention(attending, layers=("global*",), limit=4, device="cpu")


def test_stacks_average_layers_of_one_shape_alone():
    def one(value, queries):
        return AttentionMap(np.full((queries, 2), value, np.float32), (False, False))

    found = stacks(
        {
            "a.layers.0.attention": one(0.2, 3),
            "a.layers.1.attention": one(0.4, 3),
            "b.layers.0.attention [1]": one(1.0, 3),
            "b.layers.0.attention [2]": one(0.0, 3),
            "c.layers.0.attention": one(0.1, 3),
            "c.layers.1.attention": one(0.3, 1),
        }
    )
    assert {name: float(m.weights[0, 0]) for name, m in found.items()} == pytest.approx(
        {"a": 0.3, "b [1]": 1.0, "b [2]": 0.0, "c.0": 0.1, "c.1": 0.3}
    )


def test_bars_are_the_metrics_of_the_runs(measured, trained, attending, data):
    figure = figures.runs(trained, attending, metrics=("mae", "acc_7"), device="cpu")
    other = evaluate(attending, device="cpu")
    for ax, name, scale in zip(figure.axes, ("mae", "acc_7"), (1, 100), strict=True):
        means = [scale * e.metrics[name].mean for e in (measured, other)]
        assert np.allclose([bar.get_height() for bar in ax.patches], means)
        assert [c.get_label() for c in ax.containers if type(c).__name__ == "BarContainer"] == ["mdf", "tmt"]
        assert ax.get_ylim()[0] == 0
        (whiskers,) = (c for c in ax.collections if c.get_label() != "constant predictor")  # the second has one seed
        low, high = whiskers.get_segments()[0][:, 1]
        assert (high - low) / 2 == pytest.approx(scale * measured.metrics[name].std)
    assert "1 to 2 seeds per run" in words(figure)


def test_runs_of_one_model_are_called_by_their_folders_and_of_two_datasets_grouped(trained, attending, home, tmp_path):
    synthetic_dataset("other", sizes=(24, 16, 16))
    runs = [quick("mdf", "other", tmp_path / name) for name in ("full", "without")]
    ax = figures.runs(*runs, metrics=("mae",), device="cpu").axes[0]
    assert [c.get_label() for c in ax.containers] == ["full", "without"]
    evaluated = Run(shutil.copytree(trained.folder, tmp_path / "small"))
    ax = figures.runs(evaluated, runs[0], metrics=("mae",), device="cpu").axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["small", "other"]
    colour = {bar.get_facecolor() for bar in ax.patches}
    assert len(colour) == 1  # one model


def test_lines_go_over_a_setting(data, tmp_path):
    runs = [quick("mdf", "small", tmp_path / f"w{w}", loss_weights={"w": w}) for w in (1.0, 0.1)]
    figure = figures.runs(*runs, metrics=("mae",), over="config.loss_weights.w", device="cpu")
    (ax,) = figure.axes
    assert ax.lines[0].get_xdata().tolist() == [0.1, 1.0]
    expected = [evaluate(run, device="cpu").metrics["mae"].mean for run in reversed(runs)]
    assert np.allclose(ax.lines[0].get_ydata(), expected)
    assert ax.get_xlabel() == "config.loss_weights.w"
    assert_readable(figure)
    with pytest.raises(UserError, match=r"have the same config\.dropout"):
        figures.runs(*runs, over="config.dropout", device="cpu")
    with pytest.raises(UserError, match="did you mean 'dropout'"):
        figures.runs(*runs, over="config.dropuot", device="cpu")


def test_runs_refuses_what_it_cannot_draw(trained, data):
    with pytest.raises(UserError, match="name at least one"):
        figures.runs()
    with pytest.raises(UserError, match="did you mean 'acc_7'"):
        figures.runs(trained, metrics=("acc_8",), device="cpu")


def test_more_runs_than_colours_are_refused(trained, data, tmp_path):
    copies = [shutil.copytree(trained.folder, tmp_path / str(n)) for n in range(len(OKABE_ITO) + 1)]
    assert len(figures.runs(*copies[:-1], metrics=("mae",), device="cpu").axes[0].patches) == len(OKABE_ITO)
    with pytest.raises(UserError, match="at most 8"):
        figures.runs(*copies, device="cpu")


# what all have in common


@pytest.mark.parametrize(
    "kind",
    ["weights", "gates", "confusion", "tsne", "features", "solid", "attention", "robustness", "reliability", "runs"],
)
def test_every_text_can_be_read(kind, trained, attending, gated, data):
    draw = {
        "weights": lambda: figures.weights(trained, device="cpu"),
        "gates": lambda: figures.gates(gated[0]),
        "confusion": lambda: figures.confusion(trained, device="cpu"),
        "tsne": lambda: figures.tsne(trained, split="train", device="cpu"),
        "features": lambda: figures.tsne(trained, trained, trained, by="feature", device="cpu"),
        "solid": lambda: figures.tsne(trained, dimensions=3, device="cpu"),
        "attention": lambda: figures.attention(attending, limit=2, device="cpu"),
        "robustness": lambda: figures.robustness(gated[0], metric="acc_7", device="cpu"),
        "reliability": lambda: figures.reliability(trained, device="cpu"),
        "runs": lambda: figures.runs(*[trained, attending] * 3, device="cpu"),
    }
    figure = draw[kind]()
    assert_readable(figure)
    shown = words(figure)
    assert "on small, t" in shown
    assert "selected: epoch of the lowest valid MAE" in shown
    assert "seed" in shown
