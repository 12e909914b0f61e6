"""Versions that pyproject asks for have what the code uses; places that are not public are listed here."""

import inspect
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LISTS = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
ASKED = {r.name: r for r in (Requirement(line) for one in LISTS for line in one) if r.name != PROJECT["name"]}
PINNED = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line)


@pytest.mark.parametrize("name", sorted(ASKED.keys() & PINNED.keys()))
def test_what_is_tested_is_what_is_asked_for(name):
    assert PINNED[name] in ASKED[name].specifier


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("faster-whisper", ["1.1.0", "1.1.1", "1.2.0"]),  # voice detection in two networks, nothing called session
        ("faster-whisper", ["1.3.0", "2.0"]),  # nobody has looked for the private places below
        ("librosa", ["0.10.2", "1.0.0"]),
        ("optuna", ["4.1.0", "6.0.0"]),
    ],
)
def test_a_version_that_lacks_something_or_was_never_tried_is_not_asked_for(name, lacking):
    assert [v for v in lacking if v in ASKED[name].specifier] == []
    assert version(name) in ASKED[name].specifier


def test_private_places_of_faster_whisper():
    from faster_whisper import WhisperModel
    from faster_whisper.audio import pad_or_trim
    from faster_whisper.feature_extractor import FeatureExtractor
    from faster_whisper.tokenizer import Tokenizer
    from faster_whisper.transcribe import get_suppressed_tokens
    from faster_whisper.vad import get_vad_model

    session = get_vad_model().session
    assert [given.name for given in session.get_inputs()] == ["input", "h", "c"]
    assert len(session.get_outputs()) == 3
    assert FeatureExtractor().mel_filters.shape == (80, 201)
    assert list(inspect.signature(pad_or_trim).parameters)[:2] == ["array", "length"]
    assert list(inspect.signature(get_suppressed_tokens).parameters) == ["tokenizer", "suppress_tokens"]
    assert list(inspect.signature(Tokenizer).parameters) == ["tokenizer", "multilingual", "task", "language"]
    assert {"sot_sequence", "no_timestamps", "encode", "decode"} <= set(dir(Tokenizer))
    assert {"encode", "supported_languages"} <= set(dir(WhisperModel))


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_private_places_of_ray():
    """Read as text: Ray wraps the streams of a process that imports it."""
    worker = Path(find_spec("ray").origin).with_name("_private") / "worker.py"
    assert "        print_to_stdstream(" in worker.read_text(encoding="utf-8")


def test_private_places_of_torch():
    import torch
    from torch._higher_order_ops.scan import scan

    means, now = [torch.zeros(2)], [torch.ones(2)]
    torch._foreach_lerp_(means, now, 0.25)
    assert means[0].tolist() == [0.25, 0.25]
    assert list(inspect.signature(scan).parameters)[:3] == ["combine_fn", "init", "xs"]
