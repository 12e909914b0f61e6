"""Padded arrays, computational sequences, and datasets in the store."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from attacks.cases_labels import ADD, RANGE, ROWS, table
from makers import make_csd
from makers_attacks import DEEP, Case, content, edit_json, specials


def arrays(**changes: Any) -> Callable[[Path], object]:
    rng = np.random.default_rng(0)
    whole = {}
    for split, n in (("train", 4), ("valid", 2), ("test", 2)):
        whole |= {f"audio_{split}": rng.normal(size=(n, 3, 2)), f"y_{split}": np.zeros(n)}

    def made(here: Path) -> None:
        np.savez(here / "a.npz", **{key: value for key, value in (whole | changes).items() if value is not None})

    return made


ARRAYS = (*ADD, "--arrays", "a.npz")


def csd(change: Callable[[h5py.File], object], name: str = "l.csd") -> Callable[[Path], object]:
    """Labels and audio of three videos, then one change."""

    def made(here: Path) -> None:
        streams = {f"v{n}": (np.ones((2, 1)), [[0, 1], [1, 2]]) for n in (1, 2, 3)}
        make_csd(here / "l.csd", "Opinion Segment Labels", streams)
        make_csd(
            here / "a.csd",
            "COVAREP",
            {key: (np.ones((4, 3)), [[n / 2, n / 2 + 0.5] for n in range(4)]) for key in streams},
        )
        (here / "f.json").write_text(json.dumps({"train": ["v1"], "valid": ["v2"], "test": ["v3"]}))
        with h5py.File(here / name, "r+") as file:
            change(next(iter(file.values())))

    return made


def put(path: str, value: Any) -> Callable[[h5py.Group], object]:
    def change(group: h5py.Group) -> None:
        del group[path]
        group[path] = value

    return change


def link(group: h5py.Group) -> None:
    del group["data/v1/features"]
    group["data/v1/features"] = h5py.ExternalLink("/etc/hostname", "/x")


def huge(group: h5py.Group) -> None:
    del group["data/v1/features"]
    group["data/v1"].create_dataset("features", (10**9, 10**3), "f4", chunks=(1024, 1000), compression="gzip")


CSD = (*ADD, "--csd", "l.csd", "--audio", "a.csd", "--folds", "f.json")

CASES = [
    *specials("arrays", "a.npz", ARRAYS),
    Case("arrays", "no labels", ARRAYS, "y_train|label", arrays(y_train=None, y_valid=None, y_test=None)),
    Case(
        "arrays",
        "one split alone",
        ARRAYS,
        "a.npz",
        arrays(y_valid=None, y_test=None, audio_valid=None, audio_test=None),
    ),
    Case("arrays", "labels of another count", ARRAYS, "a.npz|label", arrays(y_train=np.zeros(3))),
    Case("arrays", "labels off the range", ARRAYS, "range", arrays(y_train=np.full(4, 9.0))),
    Case("arrays", "labels that are nan", ARRAYS, "nan", arrays(y_train=np.full(4, np.nan))),
    Case(
        "arrays",
        "width 0",
        ARRAYS,
        "width|features|0",
        arrays(audio_train=np.ones((4, 3, 0)), audio_valid=np.ones((2, 3, 0)), audio_test=np.ones((2, 3, 0))),
    ),
    Case("arrays", "another width in one split", ARRAYS, "features", arrays(audio_test=np.ones((2, 3, 5)))),
    Case("arrays", "Python objects", ARRAYS, "objects", arrays(audio_train=np.array([{}] * 4, object))),
    *specials(
        "computational sequences", "l.csd", CSD, lambda here: (csd(lambda group: None)(here), (here / "l.csd").unlink())
    ),
    Case(
        "computational sequences",
        "not HDF5",
        CSD,
        "l.csd",
        lambda here: (csd(lambda group: None)(here), content("l.csd", b"x" * 5000)(here)),
    ),
    Case(
        "computational sequences",
        "cut short",
        CSD,
        "csd",
        lambda here: (csd(lambda group: None)(here), os.truncate(here / "a.csd", 3000)),
    ),
    Case(
        "computational sequences",
        "features that are byte strings",
        CSD,
        "csd",
        csd(put("data/v1/features", np.array([[b"x"], [b"y"]])), "a.csd"),
    ),
    Case(
        "computational sequences",
        "labels that are byte strings",
        CSD,
        "csd",
        csd(put("data/v1/features", np.array([[b"x"], [b"y"]]))),
    ),
    Case(
        "computational sequences",
        "intervals that are byte strings",
        CSD,
        "csd",
        csd(put("data/v1/intervals", np.array([[b"x", b"y"], [b"y", b"z"]]))),
    ),
    Case(
        "computational sequences",
        "intervals of three columns",
        CSD,
        "csd",
        csd(put("data/v1/intervals", np.ones((2, 3)))),
    ),
    Case("computational sequences", "features that are one number", CSD, "csd", csd(put("data/v1/features", 3.0))),
    Case(
        "computational sequences",
        "features that are a compound",
        CSD,
        "csd",
        csd(put("data/v1/features", np.zeros(2, [("a", "f4"), ("b", "i8")]))),
    ),
    Case(
        "computational sequences", "width 0", CSD, "csd|width", csd(put("data/v1/features", np.ones((4, 0))), "a.csd")
    ),
    Case("computational sequences", "a link to another file", CSD, "link", csd(link, "a.csd")),
    Case("computational sequences", "a terabyte of nothing", CSD, "csd|memory|large", csd(huge, "a.csd")),
    Case("computational sequences", "no data", CSD, "csd", csd(lambda group: group.__delitem__("data"))),
]

CARD = "../home/datasets/tiny/card.json"
SHOW = ("dataset", "show", "tiny")


def card(**changes: Any) -> Callable[[Path], object]:
    return lambda here: edit_json(here / CARD, **changes)


def flip(here: Path, name: str = "train.arrow") -> None:
    path = here / "../home/datasets/tiny" / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


TRAIN = ("train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "new")

CASES += [
    *specials("store", CARD, SHOW, lambda here: (here / CARD).unlink(), skip=("no file",)),
    Case("store", "no card", SHOW, "no dataset is called 'tiny'", lambda here: (here / CARD).unlink()),
    Case("store", "a card nested 100,000 deep", SHOW, "card.json", content(CARD, DEEP)),
    Case("store", "a card that is a list", SHOW, "card.json", content(CARD, "[]")),
    Case("store", "a card without a target", SHOW, "'target'", card(target=...)),
    Case("store", "a card with an unknown key", SHOW, "'extra'", card(extra=1)),
    Case("store", "a card with ESC in its title is shown", SHOW, r"\\x1b", card(title="\x1b]0;bitten\x07\x1b[31m"), 0),
    Case("store", "a card of another width", SHOW, "tiny", card(widths__audio=10**12)),
    Case(
        "store",
        "a card of an infinite range",
        SHOW,
        "card.json",
        content(CARD, "")
        if False
        else (
            lambda here: (here / CARD).write_text(
                (here / CARD).read_text().replace('"low":', '"low": -Infinity, "was":')
            )
        ),
    ),
    Case("store", "a card with more utterances", SHOW, "tiny", card(splits__train__utterances=10**15)),
    Case(
        "store",
        "a split that is cut short",
        SHOW,
        "train.arrow",
        lambda here: os.truncate(here / "../home/datasets/tiny/train.arrow", 2000),
    ),
    Case(
        "store", "a split that is text", SHOW, "train.arrow", content("../home/datasets/tiny/train.arrow", "x" * 5000)
    ),
    Case("store", "a flipped byte in train", TRAIN, "train|tiny", flip),
    Case(
        "store",
        "a flipped byte in test",
        ("evaluate", "run", "--device", "cpu"),
        "test|tiny",
        lambda here: flip(here, "test.arrow"),
    ),
    Case("store", "a dataset named by a path upwards", ("dataset", "show", "../../etc"), "etc"),
    Case("store", "a dataset to remove that is a path", ("dataset", "remove", "../datasets/tiny"), "tiny"),
    Case("store", "a name with a slash", ("dataset", "add", "a/b", *RANGE, "--labels", "t.csv"), "'a/b'", table(ROWS)),
    Case(
        "store",
        "a name of 10,000 letters",
        ("dataset", "add", "a" * 10_000, *RANGE, "--labels", "t.csv"),
        "name",
        table(ROWS),
    ),
    Case("store", "a hidden name", ("dataset", "add", ".a", *RANGE, "--labels", "t.csv"), "'.a'", table(ROWS)),
    Case(
        "store",
        "a name that is taken",
        ("dataset", "add", "tiny", *RANGE, "--labels", "t.csv"),
        "exists already",
        table(ROWS),
    ),
]
