"""A flipped byte of a stored split never trains, measures or tunes silently."""

import json

import numpy as np
import pytest

from makers_cli import assignments
from sentiprism.data.store import load_dataset

CHANGED = "valid.arrow was changed after import; import the dataset again, with --replace"
TOLD = f"{CHANGED}, or use it as it is with --no-verify"


@pytest.fixture
def flipped(finished, home):
    """A run on a dataset of which one bit of one feature of valid was turned over since."""
    path = home / "datasets" / "tiny" / "valid.arrow"
    split = load_dataset("tiny", verify=False).valid
    steps = next(steps for steps in map(split.sequences["audio"].__getitem__, range(len(split))) if len(steps))
    data, value = bytearray(path.read_bytes()), np.ascontiguousarray(steps).tobytes()
    assert data.count(value) == 1
    data[data.index(value)] ^= 1
    path.write_bytes(data)
    return finished


@pytest.mark.parametrize(
    "words",
    [
        ("train", "mdf", "--dataset", "tiny"),
        ("train", "--resume", "RUN", "--seeds", 3),
        ("evaluate", "RUN"),
        ("robustness", "RUN"),
        ("calibrate", "RUN"),
        ("explain", "RUN"),
        ("tune", "mdf", "--dataset", "tiny"),
        ("figure", "tsne", "RUN"),
    ],
    ids=lambda words: " ".join(map(str, words[:2])),
)
def test_what_begins_with_a_changed_file_is_refused_and_leaves_nothing(flipped, refused, words):
    assert TOLD in refused(*(flipped if word == "RUN" else word for word in words))


def test_no_verify_takes_the_files_as_they_are(flipped, cli):
    measured = cli("evaluate", flipped, "--split", "valid", "--no-verify", "--json")
    assert measured.status == 0
    assert json.loads(measured.out)[0]["split"] == "valid"
    tuned = cli("tune", "mdf", "--dataset", "tiny", "--trials", 1, *assignments(), "--no-verify")
    assert tuned.status == 0, tuned.err
    assert cli("evaluate", flipped).error.endswith(TOLD)
    shown = cli("dataset", "show", "tiny")
    assert shown.status == 0, "a card can be looked at, whatever the files are"
    assert cli("dataset", "show", "tiny", "--verify").error.endswith(CHANGED), "it has no such option"
