"""A class is found by the file it stands in, and nothing else is."""

import sys
from itertools import count
from pathlib import Path

import pytest

from sentiprism.errors import UserError
from sentiprism.registry import Registry

BASE = """
from abc import ABC, abstractmethod

class Shape(ABC):
    name: str

    @abstractmethod
    def area(self): ...

class Hidden(Shape):
    name = "stands in the base's own file"
    def area(self): ...
"""
CIRCLE = """
from {package}.base import Shape

class Circle(Shape):
    name = "circle"
    def area(self): ...

Alias = Circle
unrelated = 3
"""
numbers = count()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Make a package of modules by name and hand out its registry."""
    made = []

    def make(**modules: str) -> Registry:
        package = f"shapes{next(numbers)}"
        folder = tmp_path / package
        folder.mkdir()
        for name, code in {"__init__": "", "base": BASE, **modules}.items():
            (folder / f"{name}.py").write_text(code.replace("{package}", package))
        made.append(package)
        return Registry(package, f"{package}.base:Shape", "shape")

    monkeypatch.syspath_prepend(tmp_path)
    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] in made]:
        del sys.modules[name]


def test_a_file_is_all_it_takes(registry):
    square = CIRCLE.replace("Circle", "Square").replace('"circle"', '"square"')
    shapes = registry(zebra=CIRCLE, ant=square)
    assert list(shapes) == ["circle", "square"]
    assert len(shapes) == 2
    assert "circle" in shapes
    assert "Circle" not in shapes
    assert shapes["circle"].__name__ == "Circle"
    assert {name: kind.name for name, kind in shapes.items()} == {"circle": "circle", "square": "square"}


def test_nothing_is_imported_before_the_first_look_up(registry, tmp_path):
    witness = tmp_path / "witness"
    shapes = registry(circle=CIRCLE + f"\nopen({str(witness)!r}, 'w').close()\n")
    assert not witness.exists()
    assert "circle" in shapes
    assert witness.exists()


def test_an_unknown_name_is_refused_and_a_known_one_found_without_importing_the_others(registry, tmp_path):
    witness = tmp_path / "witness"
    touch = f"\nopen({str(witness)!r}, 'w').close()\n"
    square = CIRCLE.replace("Circle", "Square").replace('"circle"', '"square"')
    shapes = registry(circle=CIRCLE, square=square + touch)
    with pytest.raises(UserError, match="no shape is called 'sqare'; did you mean 'square'"):
        shapes.check("sqare")
    shapes.check("square")
    assert shapes["circle"].name == "circle"
    assert not witness.exists()
    assert shapes["square"].name == "square"
    assert witness.exists()


def test_unknown_names_answer_with_the_near_match(registry):
    shapes = registry(circle=CIRCLE)
    with pytest.raises(UserError, match="no shape is called 'cirle'; did you mean 'circle'"):
        shapes["cirle"]
    with pytest.raises(UserError, match="no shape is called 'xyz'; choose one of: circle"):
        shapes["xyz"]


def test_a_package_without_classes_says_so(registry):
    shapes = registry()
    assert list(shapes) == []
    with pytest.raises(UserError, match="there are none yet"):
        shapes["circle"]


def test_two_of_one_name_are_refused(registry):
    shapes = registry(circle=CIRCLE, round=CIRCLE.replace("Circle", "Round"))
    with pytest.raises(RuntimeError, match="two shapes are called 'circle'"):
        list(shapes)


@pytest.mark.parametrize(
    "modules",
    [
        {"_private": CIRCLE},
        {"abstract": CIRCLE.replace("    def area(self): ...\n", "")},
        {"nameless": CIRCLE.replace('    name = "circle"\n', "")},
        {"not_a_shape": "class Circle:\n    name = 'circle'\n"},
    ],
    ids=lambda modules: next(iter(modules)),
)
def test_what_is_passed_over(registry, modules):
    assert list(registry(**modules)) == []


def test_a_class_counts_where_it_is_defined_and_not_where_it_is_imported(registry):
    square = "from {package}.circle import Circle\n" + CIRCLE.replace("Circle(", "Square(").replace(
        '"circle"', '"square"'
    )
    square = square.replace("Alias = Circle", "")
    assert list(registry(circle=CIRCLE, square=square)) == ["circle", "square"]


def test_a_variant_that_is_not_named_anew_is_no_second_of_that_name(registry):
    variant = CIRCLE + "\nclass Ellipse(Circle):\n    pass\n"
    assert registry(circle=variant)["circle"].__name__ == "Circle"


def test_every_file_of_the_models_room_is_a_model():
    import sentiprism.models
    from sentiprism.models import MODELS

    here = Path(sentiprism.models.__file__).parent
    files = {path.stem for path in here.glob("[!_]*.py")} - {
        "artifact",
        "base",
        "create",
        "deviations",
        "fields",
        "hub",
        "outline",
        "search_space",
    }
    folders = {path.parent.name for path in here.glob("[!_]*/model.py")}
    assert files
    assert folders
    assert {kind.__module__.split(".")[2] for kind in MODELS.values()} == files | folders
