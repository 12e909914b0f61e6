"""Leave-videos-out folds: each video is tested once, and the folds are as even as the videos let them be."""

from pathlib import Path

import pytest

from sentiprism.data.importers.folds import SHARES, make_splits, short, split_videos
from sentiprism.errors import UserError

SIZES = {"a": 9, "b": 5, "c": 5, "d": 4, "e": 4, "f": 2, "g": 1}


def test_the_largest_video_goes_into_the_smallest_fold() -> None:
    """By hand: a | b | c, then d to b (5 < 9; b before c), e to c, f to a (9, 9, 9), g to b."""
    notes: list[str] = []
    assert split_videos("1/3", SIZES, notes) == {
        "a": "test", "b": "valid", "c": "train", "d": "valid", "e": "train", "f": "test", "g": "valid",
    }  # fmt: skip
    assert notes == ["splits were made by this program: fold 1 of 3 by video is test, fold 2 valid"]


def test_each_video_is_tested_once_and_selected_by_once() -> None:
    for N in (3, 5, 7):
        folds = [split_videos(f"{k}/{N}", SIZES, []) for k in range(1, N + 1)]
        for video in SIZES:
            assert sorted(fold[video] for fold in folds) == ["test", *["train"] * (N - 2), "valid"]


def test_folds_depend_on_the_videos_not_on_their_order() -> None:
    assert split_videos("2/3", dict(reversed(SIZES.items())), []) == split_videos("2/3", SIZES, [])


def test_without_splits_videos_are_drawn_into_them_by_their_share_and_always_alike() -> None:
    sizes = {f"v{n}": 1 + n % 3 for n in range(300)}
    notes: list[str] = []
    found = make_splits(sizes, notes)
    total = sum(sizes.values())
    for split, share in SHARES.items():
        held = sum(sizes[video] for video, own in found.items() if own == split)
        assert abs(held / total - share) < 0.01
    assert make_splits(dict(reversed(sizes.items())), []) == found
    assert list(found.values()) != sorted(found.values())
    assert notes[0].startswith("splits were made by this program by video, 70/10/20, with seed 1111: ")


@pytest.mark.parametrize("count", [3, 4, 5, 9])
def test_few_videos_still_give_each_split_one(count: int) -> None:
    found = make_splits({f"v{n}": 10 ** (n % 4) for n in range(count)}, [])
    assert {*found.values()} == {"train", "valid", "test"}


def test_fewer_videos_than_splits_are_refused() -> None:
    with pytest.raises(UserError, match="2 videos cannot be split into train, valid, test; give at least 3"):
        make_splits({"a": 5, "b": 5}, [])


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ("1/2", "make 3 to 7 folds"),
        ("1/8", "8 folds of 7 videos"),
        ("0/5", "one of 1/5 to 5/5"),
        ("6/5", "there is no fold 6/5"),
        ("5", "no file 5; check the path, or give K/N"),
    ],
)
def test_folds_that_are_not_there_are_refused(folds: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        split_videos(folds, SIZES, [])


def test_a_file_names_the_videos_it_likes(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("video_id,split\na,train\nb,dev\nz,test\n")
    assert split_videos(tmp_path / "f.csv", SIZES, []) == {"a": "train", "b": "valid", "z": "test"}
    assert (short(tmp_path / "f.csv"), short("1/5")) == ("f.csv", "1/5")
