"""Every numbered equation of a paper is cited at the line that computes it, and a model's page links that line."""

import sys

import pytest

from makers_docs import DOCS
from sentiprism.models import MODELS

sys.path.append(str(DOCS / "_ext"))  # behind the packages, none of which a name may hide
import equations
from source_pages import source_of

NUMBERED = {"mdf": 14, "dlf": 15, "fine": 14, "dpdf_lq": 36, "tmt": 0, "tmt_amw": 0}
"""How many equations each system's paper numbers. TMT's was not open to us, TMT+AMW's lost theirs in print."""
THEORY = "splits information into parts; what estimates the parts has equations of its own (7, 8, 10, 11)"
NOT_COMPUTED = {"fine": {2: THEORY, 3: THEORY, 4: THEORY, 5: THEORY}}
"""Equations that no line computes, and why."""


@pytest.mark.parametrize("name", NUMBERED)
def test_every_equation_of_the_six_papers_is_cited_where_it_is_computed(name):
    cited = {one.equation for one in equations.citations_of(name)}
    assert cited == set(range(1, NUMBERED[name] + 1)) - NOT_COMPUTED.get(name, {}).keys()


@pytest.mark.parametrize("name", NUMBERED)
def test_a_citation_stands_beside_code(name):
    for one in equations.citations_of(name):
        assert one.code, one
        assert not one.code.startswith(("#", "def ", "class ", '"""')), one
        assert one.code in source_of(one.module).splitlines()[one.line - 1]


def test_a_citation_in_a_shared_block_names_a_paper_whose_model_uses_the_block():
    own = {name: equations.modules_of(MODELS.module_of(name)) for name in MODELS}
    used = {equations.label(name): equations.shared_blocks(modules) for name, modules in own.items()}
    for block in {block for blocks in used.values() for block in blocks}:
        for paper, numbers, line, _ in equations.cited_in(block):
            assert block in used.get(paper.lower(), []), f"{block}:{line}: Eq. {numbers} of which paper?"


def test_numbers_are_read_as_comments_write_them_and_spelled_so():
    assert equations.expand("4, 6 to 8 and 11") == [4, 6, 7, 8, 11]
    assert equations.spell([1, 2, 4, 6, 7, 8]) == "1, 2, 4, 6 to 8"
    assert equations.CITED.match("DPDF-LQ, Eqs. 6 to 11: (B, D)")["numbers"] == "6 to 11"
    assert equations.CITED.match("of Eq. 7") is None


def test_citations_are_those_at_the_beginning_of_comments(monkeypatch):
    lines = ['"""Eq. 1."""', "a = 1  # Eq. 2, halved", "# MDF, Eq. 3; DLF, Eq. 4", "", "b = 2  # as Eq. 5"]
    source = "\n".join([*lines, "c = 3  # noqa # Eqs. 6, 7", ""])
    monkeypatch.setattr(equations, "source_of", lambda module: {"made.up": source}[module])
    assert equations.cited_in("made.up") == [
        ("", [2], 2, "a = 1"),
        ("MDF", [3], 5, "b = 2"),
        ("DLF", [4], 5, "b = 2"),
        ("", [6, 7], 6, "c = 3"),
    ]
