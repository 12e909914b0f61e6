"""Every command that the documentation prints can be given as it stands."""

import re

import pytest

from makers_docs import PAGES, ROOT, commands, faults

SOURCES = sorted(ROOT.glob("src/sentiprism/cli/*.py"))
"""What they say as help."""
FEWEST = {"README.md": 6, "docs/start/train.md": 12, "docs/howto/recordings.md": 8, "docs/howto/mmsa.md": 8}
"""Commands that a page has at least: that none is found is no success."""


def name(page) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_documented_command_is_read_by_the_command_line(page):
    found = commands(page.read_text(encoding="utf-8"))
    assert len(found) >= FEWEST.get(name(page), 0)
    assert faults(found) == {}


def test_so_is_every_example_of_the_help():
    found = [line for path in SOURCES for line in re.findall(r"^ {8}(sentiprism .+)$", path.read_text(), re.MULTILINE)]
    assert len(found) > 50
    assert faults(found) == {}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_package_is_named_by_its_path_since_no_index_has_it(page):
    assert not re.search(r"pip install [^`\n]*['\" ]sentiprism\b", page.read_text(encoding="utf-8"))


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130
