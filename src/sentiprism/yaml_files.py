"""Read and write YAML."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from sentiprism.errors import UserError
from sentiprism.reading import DEPTH, read_text

SIZE = 2**18
"""Bytes of a YAML file: fifty times our largest. Reading them takes two seconds."""
BROKEN = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)
"""What `parse_yaml` raises: also ``2020-13-45``, ``!!bool x``, ``!!timestamp x`` and a thousand brackets."""
EXPONENT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")
"""Numbers such as 1e-3, as YAML 1.2 has them; YAML 1.1, which the library reads, takes them for texts."""


class _Loader(yaml.SafeLoader):
    """Loader of plain values and unique keys: without aliases, which expand without limit, or deep nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise self._fault("aliases (*name) are not supported, write the value itself")
        self.depth += 1
        if self.depth > DEPTH:
            raise self._fault(f"nested more than {DEPTH} levels deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _fault(self, problem: str) -> yaml.MarkedYAMLError:
        return yaml.MarkedYAMLError(problem=problem, problem_mark=self.get_mark())

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem="merge keys (<<) are not supported", problem_mark=key.start_mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        found = super().construct_mapping(node, deep=deep)
        if len(found) < len(node.value):
            raise yaml.MarkedYAMLError(problem="a key is written twice", problem_mark=node.start_mark)
        return found


class _Dumper(yaml.SafeDumper):
    """Dumper that quotes texts that `_Loader` would read as numbers."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+.0123456789"))


def parse_yaml(text: str) -> Any:
    """Parse a YAML text; errors are one of `BROKEN`."""
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


def dump_yaml(data: Any, width: int | None = None) -> str:
    """Write plain values as YAML, which `parse_yaml` reads back unchanged.

    Args:
        data: plain values.
        width: columns after which long texts are wrapped; by default the library's.
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width or 80)


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        UserError: the file cannot be read, see `reading.read_text`, or is not a mapping.
    """
    text = read_text(path, SIZE, "configuration")
    try:
        data = parse_yaml(text)
    except BROKEN as error:
        raise UserError(f"{path} cannot be read: {_reason(error)}", "fix the file") from None
    if not isinstance(data, dict):
        raise UserError(f"{path} is not a mapping of keys to values", "write 'key: value' lines")
    return data


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return str(error) if mark is None else f"line {mark.line + 1}: {getattr(error, 'problem', None) or 'not YAML'}"
