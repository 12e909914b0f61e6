"""Where the code computes each equation of a paper: found by the comments that cite them.

A comment cites where it begins with an equation, ``# Eq. 7`` or ``# Eqs. 31 to 33``, in a file that a model alone uses;
in a block that models share it names the paper too, ``# DLF, Eq. 8; FINE, Eq. 6``. It stands on the line that computes
the equation, or alone above it.
"""

import ast
import io
import re
import tokenize
from functools import cache
from typing import NamedTuple

from markup import table
from source_pages import source_link, source_of

from sentiprism.models import MODELS
from sentiprism.models.deviations import modules_of
from sentiprism.registry import read_source

SHARED = "sentiprism.nn"
INTRODUCTION = "Of the paper, with the lines of the source that compute them."
NUMBERS = r"\d+(?:(?:, | and | to )\d+)*"
CITED = re.compile(rf"(?:(?P<paper>[\w+-]+), )?Eqs?\. (?P<numbers>{NUMBERS})(?!\d)")


class Citation(NamedTuple):
    """A line that computes an equation."""

    equation: int
    module: str
    line: int
    code: str
    """The line, without its comment."""

    @property
    def place(self) -> tuple[str, int]:
        """Module and line."""
        return self.module, self.line


def citations_of(model: str) -> list[Citation]:
    """Lines that compute equations of a model's paper, by equation; those of the model's own files come first."""
    own = modules_of(MODELS.module_of(model))
    found = [
        Citation(number, module, line, code)
        for module in [*own, *shared_blocks(own)]
        for paper, numbers, line, code in cited_in(module)
        for number in numbers
        if (paper.lower() or (label(model) if module in own else "")) == label(model)
    ]
    return sorted(found, key=lambda one: one.equation)


def section(model: str) -> str:
    """A table of the equations with links to the lines that compute them; "" where no equation is cited.

    Equations that are computed at the same lines share a row.
    """
    places: dict[int, list[Citation]] = {}
    for one in citations_of(model):
        places.setdefault(one.equation, []).append(one)
    rows: list[tuple[list[int], list[Citation]]] = []
    for equation, lines in places.items():
        if rows and [one.place for one in rows[-1][1]] == [one.place for one in lines]:
            rows[-1][0].append(equation)
        else:
            rows.append(([equation], lines))
    if not rows:
        return ""
    body = [[spell(numbers), "<br>".join(map(_shown, lines))] for numbers, lines in rows]
    return "\n\n".join(["## Equations", INTRODUCTION, table(["equation", "computed at"], body)])


def spell(numbers: list[int]) -> str:
    """Numbers in ascending order as a comment cites them: ``1``, ``1, 2``, ``6 to 11``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _shown(one: Citation) -> str:
    """A link to the line, and its code."""
    code = one.code.replace("`", "'")
    return f"{source_link(one.module, one.line)} `{code}`"


def label(model: str) -> str:
    """How a comment names the paper of a model, in lower case: ``dpdf-lq``."""
    return model.replace("_", "-")


def shared_blocks(modules: list[str]) -> list[str]:
    """Shared blocks that modules import, and those that these import."""
    found: list[str] = []
    waiting = list(modules)
    while waiting:
        for block in _imported_blocks(waiting.pop(0)):
            if block not in found:
                found.append(block)
                waiting.append(block)
    return found


@cache
def cited_in(module: str) -> list[tuple[str, list[int], int, str]]:
    """Paper ("" where it is not named), equations, line and code of each citation in a module's comments."""
    source = source_of(module)
    lines = source.splitlines()
    found = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        number, column = token.start
        code = lines[number - 1][:column].strip()
        while not code:  # a comment of its own is about the next line
            number += 1
            code = lines[number - 1].partition("  # ")[0].strip()
            code = "" if code.startswith("#") else code
        text = token.string.rpartition("# ")[2]
        while match := CITED.match(text):
            found.append((match["paper"] or "", expand(match["numbers"]), number, code))
            text = text[match.end() :].removeprefix("; ")
    return found


def expand(numbers: str) -> list[int]:
    """``4, 6 to 8`` -> 4, 6, 7, 8."""
    found: list[int] = []
    for joint, number in re.findall(r"(, | and | to |^)(\d+)", numbers):
        found += range(found[-1] + 1, int(number) + 1) if joint == " to " else [int(number)]
    return found


def _imported_blocks(module: str) -> list[str]:
    modules = (one.module for one in ast.walk(read_source(module)) if isinstance(one, ast.ImportFrom))
    return [name for name in modules if name is not None and name.startswith(f"{SHARED}.")]
