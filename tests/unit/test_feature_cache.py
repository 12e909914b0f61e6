"""Features made once and kept."""

import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from sentiprism.features import cache
from sentiprism.features.cache import cached, usage
from sentiprism.features.track import Track
from sentiprism.recipe import Recipe

RECIPE = Recipe(extractor="speech", columns=("f0", "rms"), units=("log Hz", "dB"), rate=25.0)
CONTENT = "ab" * 32


class Maker:
    """Makes two tracks, and counts how often."""

    def __init__(self, *lengths: int) -> None:
        rng = np.random.default_rng(0)
        self.tracks = [Track(np.arange(n) / 25, rng.normal(size=(n, 2)).astype(np.float32)) for n in lengths or (5, 9)]
        self.made = 0

    def __call__(self) -> list[Track]:
        self.made += 1
        return self.tracks

    def same(self, found: list[Track]) -> bool:
        assert len(found) == len(self.tracks)
        for ours, theirs in zip(self.tracks, found, strict=True):
            np.testing.assert_array_equal(ours.times, theirs.times)
            np.testing.assert_array_equal(ours.values, theirs.values)
            assert (theirs.times.dtype, theirs.values.dtype) == (np.float64, np.float32)
        return True


@pytest.fixture(autouse=True)
def entries(home: Path) -> Path:
    return home / "cache" / "features"


def only(entries: Path) -> Path:
    (path,) = entries.glob("*.arrow")
    return path


def test_made_once_and_then_read_from_the_disk():
    make = Maker()
    assert make.same(cached(CONTENT, RECIPE, {}, make))
    again = cached(CONTENT, RECIPE, {}, make)
    assert make.same(again)
    assert make.made == 1
    assert not again[0].values.flags.owndata
    assert not again[0].values.flags.writeable


@pytest.mark.parametrize(
    ("content", "recipe", "options"),
    [
        ("cd" * 32, RECIPE, {"fps": 10}),
        (CONTENT, RECIPE.model_copy(update={"version": 2}), {"fps": 10}),
        (CONTENT, RECIPE.model_copy(update={"columns": ("f0", "zcr")}), {"fps": 10}),
        (CONTENT, RECIPE, {"fps": 5}),
        (CONTENT, RECIPE, {"fps": 10, "faces": "all"}),
    ],
)
def test_another_recording_recipe_or_option_is_another_entry(content, recipe, options):
    make = Maker()
    cached(CONTENT, RECIPE, {"fps": 10}, make)
    cached(content, recipe, options, make)
    assert make.made == 2
    assert usage().entries == 2


def test_the_order_of_options_does_not_matter():
    make = Maker()
    cached(CONTENT, RECIPE, {"fps": 10, "side": 640}, make)
    cached(CONTENT, RECIPE, {"side": 640, "fps": 10}, make)
    assert make.made == 1


def test_that_there_is_no_face_is_kept_too():
    make = Maker()
    make.tracks = []
    assert cached(CONTENT, RECIPE, {}, make) == cached(CONTENT, RECIPE, {}, make) == []
    assert make.made == 1


def test_a_track_without_steps_is_kept():
    make = Maker(0, 4)
    cached(CONTENT, RECIPE, {}, make)
    assert make.same(cached(CONTENT, RECIPE, {}, make))
    assert make.made == 1


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_entry_is_made_again(entries, keep):
    make = Maker()
    cached(CONTENT, RECIPE, {}, make)
    path = only(entries)
    path.write_bytes(path.read_bytes()[: keep if isinstance(keep, int) else int(path.stat().st_size * keep)])
    assert make.same(cached(CONTENT, RECIPE, {}, make))
    assert make.made == 2
    assert make.same(cached(CONTENT, RECIPE, {}, make))
    assert make.made == 2


def test_no_damaged_byte_passes_for_features(entries):
    make = Maker()
    cached(CONTENT, RECIPE, {}, make)
    path = only(entries)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.choice(len(good), 400, replace=False):
        path.unlink()  # never under a map that is still open
        path.write_bytes(good[:place] + bytes([good[place] ^ int(rng.integers(1, 256))]) + good[place + 1 :])
        found = cache._read(path)
        assert found is None or make.same(found)


def test_another_kind_of_file_is_made_again(entries):
    make = Maker()
    cached(CONTENT, RECIPE, {}, make)
    path = only(entries)
    path.unlink()
    path.write_bytes(b"\x80\x04cos\nsystem\n")
    assert make.same(cached(CONTENT, RECIPE, {}, make))


def test_a_failure_to_make_is_the_callers_and_leaves_nothing(entries):
    def fail() -> list[Track]:
        raise OSError("the recording is gone")

    with pytest.raises(OSError, match="the recording is gone"):
        cached(CONTENT, RECIPE, {}, fail)
    assert usage().entries == 0
    make = Maker()
    assert make.same(cached(CONTENT, RECIPE, {}, make))  # the lock is free again


def test_where_nothing_can_be_kept_it_is_made_each_time(home):
    home.mkdir()
    (home / "cache").write_text("in the way of the folder")
    make = Maker()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make.same(cached(CONTENT, RECIPE, {}, make))
        assert make.same(cached(CONTENT, RECIPE, {}, make))
    assert make.made == 2
    assert usage().entries == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_cache_costs_only_time(entries):
    entries.mkdir(parents=True)
    entries.chmod(0o500)
    make = Maker()
    assert make.same(cached(CONTENT, RECIPE, {}, make))
    entries.chmod(0o700)


def test_a_full_disk_costs_only_time(entries):
    make = Maker(40_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        assert make.same(cached(CONTENT, RECIPE, {}, make))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in entries.iterdir() if not path.name.endswith(".lock")] == []
    assert make.same(cached(CONTENT, RECIPE, {}, make))
    assert usage().entries == 1


def test_what_was_longest_not_used_goes_first(monkeypatch, entries):
    make = Maker(1000)
    names = {}
    for number in range(3):
        cached(CONTENT, RECIPE, {"number": number}, make)
        path = next(path for path in entries.glob("*.arrow") if path not in names.values())
        os.utime(path, (number, number))
        names[number] = path
    cached(CONTENT, RECIPE, {"number": 0}, make)  # used now
    monkeypatch.setattr(cache, "LIMIT", 3 * names[0].stat().st_size)
    cached(CONTENT, RECIPE, {"number": 3}, make)
    assert not names[1].exists()
    assert names[0].exists()
    assert names[2].exists()
    assert usage().entries == 3
    assert usage().size <= cache.LIMIT


def test_two_processes_make_it_once(tmp_path, home):
    code = (
        "import sys, time, numpy as np\n"
        "from pathlib import Path\n"
        "from sentiprism.features.cache import cached\n"
        "from sentiprism.features.track import Track\n"
        "from sentiprism.recipe import Recipe\n"
        "recipe = Recipe(extractor='x', columns=('a',), units=('1',))\n"
        "def make():\n"
        "    with open(sys.argv[1], 'a') as file: file.write('made\\n')\n"
        "    return [Track(np.arange(9.0), np.ones((9, 1), np.float32))]\n"
        "print(cached('ab' * 32, recipe, {}, make)[0].values.sum())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "count")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0].strip() for process in running] == ["9.0"] * 3
    assert (tmp_path / "count").read_text() == "made\n"
