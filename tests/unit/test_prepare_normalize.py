"""Which features are standardised where nobody says."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from makers_store import utterance, write
from sentiprism.data.config import DataConfig, TextConfig
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.recipe import Recipe

PITCH = Recipe(extractor="pitch", columns=("a", "b"), units=("Hz", "dB"))


def dataset(name, **card):
    def rows():
        for split in ("train", "valid", "test"):
            for i in range(5):
                steps = np.random.default_rng(i).normal(300, 20, (4, 2)).astype(np.float32)
                yield split, utterance(f"{split}{i}", video_id=f"{split}{i}", sequences={"audio": steps})

    return write(rows(), name, **card)


def config(normalize="auto"):
    return DataConfig(text=TextConfig(encoder=None), normalize=normalize)


def test_what_extract_made_is_standardised_unless_something_else_is_asked_for(home):
    made, other = dataset("made", recipes={"audio": PITCH}), dataset("other")
    standardised = {
        (one.name, normalize)
        for one in (made, other)
        for normalize in ("auto", "none", "train")
        if prepare(one.tuning(), config(normalize)).audio.std is not None
    }
    assert standardised == {("made", "auto"), ("made", "train"), ("other", "train")}
    assert DataConfig().normalize == "auto"
    audio = PreparedSplit(made.train, prepare(made.tuning(), config())).batch(range(5)).audio
    assert_close(audio.values[audio.mask].mean(dim=0), torch.zeros(2), rtol=0, atol=1e-4)


@pytest.mark.parametrize("normalize", ["none", "train"])
def test_what_a_run_of_an_earlier_version_says_is_what_it_gets(home, normalize):
    spec = prepare(dataset("made", recipes={"audio": PITCH}).tuning(), config(normalize))
    assert (spec.audio.std is not None) == (normalize == "train")
