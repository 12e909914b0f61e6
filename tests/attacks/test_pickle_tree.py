"""Nested pickles: nothing in them is run, nesting and memory have an end, and honest ones are read as they are."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from makers_urfunny import make_urfunny
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.sandbox import Limits, Other, open_pickle, open_tree
from sentiprism.data.importers.sources import UrfunnySource
from sentiprism.errors import UserError


class Call:
    """Pickles as the call of a function."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


def write(path: Path, value: Any, protocol: int = 3) -> Path:
    path.write_bytes(pickle.dumps(value, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_is_in_a_tree_is_read_as_it_is(tmp_path: Path, protocol: int) -> None:
    values = np.arange(6.0).reshape(2, 3)
    objects = np.empty(2, object)
    objects[:] = [np.ones(2), np.zeros(3)]
    value = {7: {"a": [values, [1, 2.5]], "text": "é", "none": None, "empty": [], "objects": objects}, "n": 3}
    tree = open_tree(write(tmp_path / "t.pkl", value, protocol))
    assert tree.names == ["7", "n"]
    assert tree["n"] == 3
    entry: Any = tree["7"]
    np.testing.assert_array_equal(entry["a"][0], values)
    np.testing.assert_array_equal(entry["a"][1], [1, 2.5])
    assert (entry["text"], entry["empty"]) == ("é", [])
    assert isinstance(entry["none"], Other)
    assert [part.tolist() for part in entry["objects"]] == [[1, 1], [0, 0, 0]]
    tree.release()
    np.testing.assert_array_equal(tree["7"]["a"][0], values)  # type: ignore[index,call-overload]


def test_the_whole_may_be_a_list_or_an_array(tmp_path: Path) -> None:
    assert open_tree(write(tmp_path / "l.pkl", ["a", "b"]))[None] == ["a", "b"]
    np.testing.assert_array_equal(open_tree(write(tmp_path / "a.pkl", np.eye(3)))[None], np.eye(3))
    assert open_tree(write(tmp_path / "e.pkl", {})).names == []


def test_numbers_are_no_keys_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has a value of type int as a key where a name belongs"):
        open_pickle(write(tmp_path / "x.pkl", {1: {}}))


def test_a_call_in_a_leaf_is_refused_and_never_made(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    value = {1: {"punchline_features": [Call(os.system, f"touch {marker}")]}}
    with pytest.raises(UserError, match=r"asks for 'posix\.system', which no dataset needs"):
        open_tree(write(tmp_path / "x.pkl", value))
    assert not marker.exists()


def test_a_list_in_itself_is_refused(tmp_path: Path) -> None:
    loop: list[Any] = [None]
    loop[0] = loop
    with pytest.raises(UserError, match="nested more than 6 levels deep"):
        open_tree(write(tmp_path / "x.pkl", {1: loop}))


def test_a_few_bytes_that_unfold_without_end_are_refused(tmp_path: Path) -> None:
    value: Any = ["a" * 100, None]
    for _ in range(4):
        value = [value] * 4000
    limits = Limits(memory=256 * 2**20, output=16 * 2**20, cpu=20, wall=60)
    with pytest.raises(UserError, match=r"needs more|unpacks to more"):
        open_tree(write(tmp_path / "x.pkl", {1: value}), limits)


def test_an_import_that_is_refused_leaves_nothing(home: Path, tmp_path: Path) -> None:
    make_urfunny(tmp_path / "sdk")
    path = tmp_path / "sdk" / "covarep_features_sdk.pkl"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="covarep_features_sdk"):
        import_dataset("urfunny", UrfunnySource(tmp_path / "sdk"))
    assert not list(home.rglob("*.arrow"))
