"""What each model declares to do differently from its paper is read from its own source."""

import re
from pathlib import Path

import pytest

from sentiprism.models import MODELS
from sentiprism.models.deviations import HEADINGS, deviations_of, modules_of, parse, without_section

ROOT = Path(__file__).parents[2]
OURS = sorted(name for name in MODELS if MODELS.module_of(name).startswith("sentiprism.models."))
PAGE = (ROOT / "docs" / "deviations.md").read_text(encoding="utf-8")
DOCSTRING = """A model.

    Deviations:
        The code is not published.

        - place | paper and code | here | why
        - Eq. 1 | p(x|y) | q, over
          two lines
        - Eq. 2 | a | b | c | d

        - missing modality
    """


def test_a_section_is_notes_and_rows_of_four_cells():
    found = parse(DOCSTRING)
    assert found.notes == "The code is not published."
    assert found.headings == ("place", "paper and code", "here", "why")
    assert found.rows == [
        ("Eq. 1", "p(x|y)", "q, over two lines", ""),
        ("Eq. 2", "a", "b", "c | d"),
        ("missing modality", "", "", ""),
    ]
    assert without_section(DOCSTRING) == "A model."


def test_headings_and_list_may_be_left_out():
    assert parse("A.\n\nDeviations:\n    - Eq. 1 | a | b").headings == HEADINGS
    assert parse("A.\n\nDeviations:\n    None.") == ("None.", HEADINGS, [])
    assert parse("A model without Deviations: here.") is None


def test_a_folder_of_a_model_declares_together():
    modules = modules_of("sentiprism.models.fine.model")
    assert modules[:2] == ["sentiprism.models.fine", "sentiprism.models.fine.model"]
    assert "sentiprism.models.fine.qformer" in modules
    places = [row[0] for row in deviations_of("sentiprism.models.fine.model").rows]
    assert {"Eq. 1", "Eq. 14", "missing modality"} <= set(places)
    assert modules_of("sentiprism.models.mdf") == ["sentiprism.models.mdf"]


@pytest.mark.parametrize("name", OURS)
def test_every_model_declares_its_deviations_with_what_is_done_here(name):
    found = deviations_of(MODELS.module_of(name))
    assert found is not None
    assert found.rows or found.notes.startswith("None")
    places = [place for place, *_ in found.rows]
    assert len(places) == len(set(places))
    for place, paper, here, _ in found.rows:
        assert paper, place
        assert here, place


@pytest.mark.parametrize("name", OURS)
def test_the_settings_that_deviations_name_exist(name):
    """``preset: code`` and the like; a field that was renamed must not live on in the text."""
    config, found = MODELS[name].Config, deviations_of(MODELS.module_of(name))
    text = " ".join([found.notes, *(cell for row in found.rows for cell in row)])
    for field, value in re.findall(r"`(\w+): ([^`]+)`", text):
        assert field in config.model_fields, f"{field} is no field of {name}"
        if field == "preset":
            assert value in config.PRESETS


def test_the_page_links_the_source_of_every_model():
    links = dict(re.findall(r"^\[(\w+)\]\(\.\./(src/sentiprism/models/[\w/.]+)\)", PAGE, re.MULTILINE))
    assert sorted(links) == OURS
    for name, path in links.items():
        module = MODELS.module_of(name).removesuffix(".model").replace(".", "/")
        assert (ROOT / path).exists()
        assert path.removesuffix(".py") == f"src/{module}"
