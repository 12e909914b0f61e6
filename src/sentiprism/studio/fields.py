"""Fields of a form, made from a configuration: docstrings as help, defaults, ranges, choices."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sentiprism.errors import UserError, shorten
from sentiprism.models.search_space import Between, Space
from sentiprism.yaml_files import dump_yaml

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
"""Of a model: ours, or a hub's with its owner."""
LONGEST_NAME = 200
"""Characters of a model's name."""
NOTHING = "null"
"""How a setting that is not set is written, as on the command line."""
LABELS = {
    "lr": "Learning rate",
    "group_lr": "Learning rate",
    "encoder": "Text encoder",
    "mode": "Text encoder is",
    "asr": "Speech recognition",
    "loss_weights": "Weight of loss",
}
"""Of keys that say too little by themselves."""


class Field(NamedTuple):
    """One setting in a form."""

    name: str
    """Its place in the configuration: ``optim.lr``."""
    label: str
    help: str
    kind: Literal["number", "whole", "choice", "truth", "text"]
    value: str
    """As the form shows it, and as ``--set`` takes it."""
    choices: tuple[str, ...] = ()
    limits: str = ""
    """In words: ``above 0``."""
    tried: str = ""
    """Range that a search varies it in, in words."""
    optional: bool = False
    """Whether it may be left empty."""


def fields_of(
    config: BaseModel, prefix: str = "", *, leave_out: Iterable[str] = (), space: Space | None = None
) -> list[Field]:
    """Fields of a configuration with its values, those of configurations inside it too.

    Args:
        config: its values are what the form shows.
        prefix: of their names.
        leave_out: names that the form does not have.
        space: what `tune` varies, by the same names.
    """
    return list(_fields(config, prefix, set(leave_out), space or {}))


def _fields(config: BaseModel, prefix: str, left_out: set[str], space: Space) -> Iterator[Field]:
    for key, info in type(config).model_fields.items():
        name, value = f"{prefix}{key}", getattr(config, key)
        if name in left_out:
            continue
        if isinstance(value, BaseModel):
            yield from _fields(value, f"{name}.", left_out, space)
        elif isinstance(value, Mapping) and value and all(isinstance(v, int | float) for v in value.values()):
            for part, number in value.items():
                found = space.get(f"{name}.{part}") or space.get(f"{key}.{part}")
                help_text = _help(info) if part == next(iter(value)) else ""
                label = f"{_label(key)}: {part}"
                yield Field(f"{name}.{part}", label, help_text, "number", _shown(number), tried=_tried(found))
        else:
            yield _field(name, key, info, value, space)


def _field(name: str, key: str, info: FieldInfo, value: Any, space: Space) -> Field:
    members = list(_members(info.annotation))
    optional = NoneType in members
    choices = tuple(str(c) for one in members if get_origin(one) is Literal for c in get_args(one))
    kinds = {one for one in members if isinstance(one, type)} - {NoneType}
    kind: Literal["number", "whole", "choice", "truth", "text"] = "text"
    if choices and not kinds:
        kind = "choice"
    elif kinds == {bool}:
        kind, choices = "truth", ("true", "false")
    elif kinds == {int}:
        kind = "whole"
    elif kinds and kinds <= {int, float}:
        kind = "number"
    tried = _tried(space.get(name) or space.get(key))
    shown = "" if value is None else _shown(value)
    return Field(name, _label(key), _help(info), kind, shown, choices, _limits(info), tried, optional)


def _members(annotation: Any) -> Iterator[Any]:
    """Kinds that a value may have."""
    if get_origin(annotation) in {Union, UnionType}:
        for one in get_args(annotation):
            yield from _members(one)
    elif get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    else:
        yield annotation


def _label(key: str) -> str:
    return LABELS.get(key) or key.replace("_", " ").capitalize()


def _help(info: FieldInfo) -> str:
    return " ".join((info.description or "").replace("``", "").replace("`", "").split())


def _limits(info: FieldInfo) -> str:
    words = []
    for one in info.metadata:
        if isinstance(one, annotated_types.Gt):
            words.append(f"above {one.gt}")
        elif isinstance(one, annotated_types.Ge):
            words.append(f"at least {one.ge}")
        elif isinstance(one, annotated_types.Lt):
            words.append(f"below {one.lt}")
        elif isinstance(one, annotated_types.Le):
            words.append(f"at most {one.le:,}" if isinstance(one.le, int) else f"at most {one.le}")
    return ", ".join(words)


def _tried(found: Any) -> str:
    if found is None:
        return ""
    if isinstance(found, Between):
        return f"{found.low:g} to {found.high:g}"
    return ", ".join(_shown(value) for value in found.values)


def _shown(value: Any) -> str:
    """A value as ``--set`` takes it, in one line of YAML."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return value
    return dump_flow(value)


def dump_flow(value: Any) -> str:
    """A list or mapping in one line of YAML."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(dump_flow(one) for one in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {dump_flow(one)}' for key, one in value.items())}}}"
    return _shown(value) if not isinstance(value, str) else dump_yaml(value).strip().removesuffix("\n...").strip()


def refuse_path(name: str, what: str) -> None:
    """Refuse a folder where a model is named by a form: no path comes from a browser.

    Raises:
        UserError: it is not the name of a model, or it is that of a file or folder here.
    """
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or ".." in name or Path(name).exists():
        raise UserError(
            f"{what} {shorten(name, 60)!r} is not a name", "give a name; a folder can be given on the command line"
        )


def assignments(fields: Iterable[Field], given: Mapping[str, str]) -> list[str]:
    """What a form changes, as ``key=value`` texts that ``--set`` takes.

    Args:
        fields: that the form was made of.
        given: what came back, by name; what is not there was not changed.
    """
    found = []
    for field in fields:
        value = given.get(field.name)
        if value is None or value.strip() == field.value:
            continue
        found.append(f"{field.name}={value.strip() or NOTHING}")
    return found
