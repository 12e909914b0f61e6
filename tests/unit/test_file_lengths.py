"""Every file of the code and its tests is short enough to be read at once."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 300
"""Lines."""


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks"])
def test_no_file_is_longer_than_can_be_read_at_once(folder):
    paths = sorted((ROOT / folder).rglob("*.py"))
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert len(lines) > 2
    assert {name: count for name, count in lines.items() if count > MOST} == {}
