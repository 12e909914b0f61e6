"""Options that take one of some names: help lists them, a wrong one is told the nearest, and the library has them."""

import sys
from inspect import signature
from typing import get_args

import pytest

from sentiprism.analysis.options import Options
from sentiprism.analysis.recording import ExtractOptions
from sentiprism.cli import figure
from sentiprism.cli.main import main
from sentiprism.cli.options import (
    AUDIO,
    BLURRED,
    EXECUTORS,
    EXPORTS,
    FACES,
    FORMATS,
    KINDS,
    LEFT_OUT,
    MISMATCHES,
    MODALITIES,
    MOST_SEED,
    PRECISIONS,
    SPLITS,
    STEPS,
    TEXTS,
    VISION,
)
from sentiprism.data.corruption import KINDS as DAMAGES
from sentiprism.data.dataset import SPLITS as DATASETS
from sentiprism.executors import choose
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.report import exports, figures
from sentiprism.report.options import ReportOptions
from sentiprism.tables import TABLES
from sentiprism.training.config import MOST_SEEDS, RunConfig
from sentiprism.training.engine import Precision
from sentiprism.types import MODALITIES as KNOWN


def said(monkeypatch, capsys, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["sentiprism", *words])
    monkeypatch.setenv("COLUMNS", "200")
    status = main()
    return status, *capsys.readouterr()


def test_the_names_are_the_librarys():
    assert get_args(Precision) == PRECISIONS
    assert (*TABLES, "csv") == FORMATS
    assert DAMAGES == KINDS
    assert KNOWN == MODALITIES
    assert DATASETS == SPLITS
    assert RunConfig(model="mdf", dataset="x", seeds=MOST_SEEDS, config={}).seeds[-1] <= MOST_SEED


def test_the_names_of_analyses_are_the_librarys():
    def taken(options, field):
        return set(get_args(options.model_fields[field].annotation))

    assert taken(Options, "face") == set(FACES)
    assert taken(Options, "language_mismatch") == set(MISMATCHES)
    assert set(get_args(get_args(ReportOptions.model_fields["exports"].annotation)[0])) == set(EXPORTS)
    assert tuple(exports.EXPORTS) == EXPORTS
    assert choose.EXECUTORS == EXECUTORS
    for field, names in (("blur", BLURRED), ("without", LEFT_OUT)):
        assert get_args(get_args(ReportOptions.model_fields[field].annotation)[0]) == names
    assert taken(ExtractOptions, "per") == set(STEPS)
    assert taken(ExtractOptions, "text") == set(TEXTS)
    by_modality = {"audio": {"none"}, "vision": {"none"}}
    for name, kind in EXTRACTORS.items():
        by_modality[kind.modality].add(name)
    assert by_modality == {"audio": set(AUDIO), "vision": set(VISION)}


@pytest.mark.parametrize("command", figure.app.registered_commands, ids=lambda one: one.callback.__name__)
def test_options_of_a_figure_are_arguments_of_its_function(command):
    options = signature(command.callback).parameters.keys() - {"run", "runs", "plugin"}
    shared = {"out", "no_verify"}
    assert options > shared
    assert options - shared <= signature(getattr(figures, command.callback.__name__)).parameters.keys()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["evaluate", "run", "--split", "tset"], "no split is called 'tset'; did you mean 'test'?"),
        (["compare", "run", "--format", "latx"], "no format is called 'latx'; did you mean 'latex'?"),
        (["calibrate", "run", "--split", "tran"], "no split is called 'tran'; did you mean 'train'?"),
        (["robustness", "run", "--kind", "nois"], "no kind of corruption is called 'nois'; did you mean 'noise'?"),
        (["robustness", "run", "--modality", "vison"], "no modality is called 'vison'; did you mean 'vision'?"),
        (["robustness", "run", "--points", "100000000"], "--points should be at most 101 (it is '100000000')"),
        (["figure", "tsne", "run", "--by", "clas"], "no colouring is called 'clas'; did you mean 'class'?"),
        (["figure", "tsne", "run", "--dimensions", "4"], "--dimensions should be at most 3 (it is '4')"),
        (["train", "mdf", "--precision", "bf61"], "no precision is called 'bf61'; did you mean 'bf16'?"),
        (["train", "mdf", "--seeds", "1000000000"], "--seeds should be at most 1,000 (it is '1000000000')"),
        (["tune", "mdf", "--trials", "1" + "0" * 30], "--trials should be at most 1,000,000"),
        (["tune", "mdf", "--seed", "-1"], "--seed should be at least 0 (it is '-1')"),
        (["bench", "--only", "rael"], "no form is called 'rael'; did you mean 'real'?"),
        (["bench", "--threads", "1000000"], "--threads should be at most 1,024"),
        (["analyze", "x", "--face", "lagrest"], "no choice of faces is called 'lagrest'; did you mean 'largest'?"),
        (["analyze", "x", "--speakers", "0"], "the options of analyze: speakers should be auto, off, or a"),
        (
            ["analyze", "x", "--face", "biggest"],
            "no choice of faces is called 'biggest'; choose one of: all, largest, speaking",
        ),
        (
            ["analyze", "x", "--language-mismatch", "eror"],
            "no handling of another language is called 'eror'; did you mean 'error'?",
        ),
        (["extract", "x", "--audio", "spech"], "no audio extractor is called 'spech'; did you mean 'speech'?"),
        (
            ["extract", "x", "--vision", "speech"],
            "no vision extractor is called 'speech'; choose one of: action_units, expression, face, gaze, none",
        ),
        (["extract", "x", "--per", "wrd"], "no step is called 'wrd'; did you mean 'word'?"),
        (["extract", "x", "--text", "givn"], "no source of the text is called 'givn'; did you mean 'given'?"),
        (["evaluate", "run", "--split", "\x1b[31m" + "x" * 10_000], "no split is called"),
    ],
)
def test_a_wrong_choice_is_told_the_nearest(words, line, monkeypatch, capsys):
    status, out, err = said(monkeypatch, capsys, *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {line}")


@pytest.mark.parametrize(
    ("command", "choices"),
    [
        ("evaluate", "train|valid|test"),
        ("train", "auto|no|bf16|fp16"),
        ("compare", "markdown|latex|html|csv"),
        ("robustness", "missing, swap, noise, frames, delay, words"),
        ("robustness", "text|audio|vision"),
        ("calibrate", "train|test"),
        ("figure tsne", "class|polarity|feature"),
        ("bench", "padded|real"),
        ("analyze", "speaking|largest|all"),
        ("analyze", "drop|note|error"),
        ("extract", "frame|word|utterance"),
        ("explain", "auto|cpu|cuda[:N]|mps"),
    ],
)
def test_help_lists_the_choices(command, choices, monkeypatch, capsys):
    status, out, _ = said(monkeypatch, capsys, *command.split(), "--help")
    assert status == 0
    assert choices in out
