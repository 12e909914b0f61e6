"""Sizes that keep the code readable: lines of a file, lines of a package's front, parameters of a function."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

from tools.house import draw

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "sentiprism"
LINES = 300
FRONT_LINES = 40
PARAMETERS = 8


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def python_files(folder: Path) -> list[Path]:
    files = sorted(folder.rglob("*.py"))
    assert files, f"no file in {folder}"
    return files


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many it has, without ``self`` and ``cls``; ``*args`` and ``**kwargs`` count one each."""
    all_ = function.args
    by_position = [*all_.posonlyargs, *all_.args]
    bound = bool(by_position) and by_position[0].arg in {"self", "cls"}
    return len(by_position) + len(all_.kwonlyargs) + bool(all_.vararg) + bool(all_.kwarg) - bound


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function below a node, with its name after that of its classes and functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        named = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        yield from functions(child, f"{prefix}{child.name}." if named else prefix)


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_no_file_is_longer_than_can_be_read_at_once(folder):
    assert [str(path.relative_to(ROOT)) for path in python_files(ROOT / folder) if length(path) > LINES] == []


def test_the_front_of_a_package_only_hands_names_on():
    fronts = {path: ast.parse(path.read_text("utf-8")) for path in python_files(PACKAGE) if path.name == "__init__.py"}
    assert [str(path.parent.relative_to(ROOT)) for path in fronts if length(path) > FRONT_LINES] == []
    defined = {name for front in fronts.values() for name, _ in functions(front)}
    assert defined == {"__getattr__", "__dir__"}, "what a package does stands in its modules"


def test_no_function_outside_the_command_line_has_more_than_eight_parameters():
    many = {
        name
        for path in python_files(PACKAGE)
        if path.relative_to(PACKAGE).parts[0] != "cli"
        for name, function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if parameters(function) > PARAMETERS
    }
    assert many == set()


def test_parameters_are_counted_without_self():
    module = ast.parse("class A:\n  def f(self, a, /, b, *c, d, **e): ...\ndef g(a):\n  def h(): ...\n")
    assert {name: parameters(one) for name, one in functions(module)} == {"A.f": 5, "g": 1, "g.h": 0}


def test_the_house_fits_on_a_page():
    lines = list(draw(PACKAGE))
    assert len(lines) <= 135
    named = {word for line in lines for word in re.findall(r"[\w/]+", line)}
    assert {path.stem for path in PACKAGE.rglob("*.py") if path.stem != "__init__"} <= named


@pytest.mark.parametrize(
    "script", python_files(ROOT / "tools") + python_files(ROOT / "benchmarks"), ids=lambda path: path.name
)
def test_scripts_call_what_the_program_has(script: Path) -> None:
    """Nobody runs them at a change, and mypy does not read them."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    imported: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sentiprism"):
            module = import_module(str(node.module))
            for name in node.names:
                if not hasattr(module, name.name):
                    import_module(f"{node.module}.{name.name}")
                imported[name.asname or name.name] = getattr(module, name.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and callable(imported.get(node.func.id)):
            accepted = signature(imported[node.func.id]).parameters  # type: ignore[arg-type]
            if not any(one.kind is one.VAR_KEYWORD for one in accepted.values()):
                given = {keyword.arg for keyword in node.keywords} - {None}
                assert given <= set(accepted), (
                    f"{script.name}:{node.lineno} {node.func.id} has no {given - set(accepted)}"
                )
