"""Base classes of configurations: frozen, strict about keys and types."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, isfinite
from types import UnionType
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from sentiprism.errors import UserError, shorten, suggest
from sentiprism.reading import DEPTH
from sentiprism.yaml_files import BROKEN, dump_yaml, parse_yaml

LARGEST = 2**53
"""Largest integer that a float represents exactly; larger values are mistakes and would overflow."""
KINDS = frozenset(("int", "float", "str", "bool", "none", "constrained-int", "constrained-float"))
"""Pydantic's names for the members of a union of simple types."""
BRIEF = 60
"""Most characters of a key or value in a message."""
FLOAT = 3.4e38
"""Largest float32, approximately."""
WORDS = {
    "model_type": "should be a mapping of keys to values",
    "dict_type": "should be a mapping of keys to values",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "int_parsing_size": "has too many digits",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "string_type": "should be a text",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "tuple_type": "should be a list",
    "list_type": "should be a list",
    "finite_number": "should be a finite number",
    "greater_than": "should be above {gt:,}",
    "greater_than_equal": "should be at least {ge:,}",
    "less_than": "should be below {lt:,}",
    "less_than_equal": "should be at most {le:,}",
    "literal_error": "should be {expected}",
    "too_long": "should have at most {max_length:,} entries",
    "missing": "is missing",
}
"""Messages of common validation errors, by pydantic's names."""


class Config(BaseModel):
    """Base of every configuration: frozen, no extra keys, finite numbers, documented by its fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse booleans as numbers: for Python, True is 1."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        kinds = {annotation, *get_args(annotation)}
        if isinstance(value, bool) and bool not in kinds and kinds & {int, float}:
            raise ValueError("should be a number")
        return value

    @field_validator("*")
    @classmethod
    def _bounded(cls, value: Any) -> Any:
        if isinstance(value, int) and abs(value) > LARGEST:
            raise ValueError(f"should be at most {LARGEST:,}")
        if isinstance(value, float) and FLOAT < abs(value) < inf:  # infinity is checked by `allow_inf_nan`
            raise ValueError(f"should be at most {FLOAT:g}, the largest float32")
        return value

    @classmethod
    def parse(cls, data: Any, source: str = "configuration", remedy: str | None = None) -> Self:
        """Validate ``data``; the first error is raised as one line with the key and similar names.

        Args:
            data: should be a mapping.
            source: its name in messages.
            remedy: remedy if a value is wrong or missing; by default, to correct or add it.

        Raises:
            UserError: a key is unknown or missing, or a value is not valid.
        """
        if not isinstance(data, Mapping):
            raise UserError(f"{source} is not a mapping of keys to values", remedy or "write 'key: value' lines")
        where = _quoted_number(cls, data)
        if where is not None:
            cause = f"{source}: {shorten('.'.join(where), BRIEF)} should be a number, not a text"
            raise UserError(cause, remedy or "write it without quotes")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise _explain(error, cls, source, remedy) from None


class Record(Config):
    """Base of files that this program writes and reads again; unknown keys of later versions are ignored."""

    model_config = ConfigDict(extra="ignore")


Undefined = Annotated[float, Field(allow_inf_nan=True)]
"""A number that may be NaN, such as the correlation of constant predictions."""


def _quoted_number(annotation: Any, value: Any) -> tuple[str, ...] | None:
    """Keys of a text such as "0.001" where a number is expected; pydantic would accept it."""
    members = list(_members(annotation))
    if isinstance(value, str):
        numeric = any(one is int or one is float for one in members)
        quoted = numeric and not any(_takes_text(one, value) for one in members)
        return () if quoted and _is_number(value) else None
    for key, inner in _inside(members, value):
        found = _quoted_number(inner, value[key])
        if found is not None:
            return str(key), *found
    return None


def _members(annotation: Any) -> Iterator[Any]:
    """Members of a union type, or the type itself."""
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, UnionType}:
        for one in get_args(annotation):
            yield from _members(one)
    else:
        yield annotation


def _inside(members: Sequence[Any], value: Any) -> Iterator[tuple[Any, Any]]:
    """Keys and types of the values inside a nested value."""
    for one in members:
        arguments = get_args(one)
        if isinstance(value, Mapping):
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield from ((key, one.model_fields[key].annotation) for key in value if key in one.model_fields)
            elif get_origin(one) is dict:
                yield from ((key, arguments[1]) for key in value)
        elif isinstance(value, list | tuple) and get_origin(one) in {tuple, list}:
            alike = len(arguments) == 1 or arguments[-1] is Ellipsis
            yield from enumerate(arguments[:1] * len(value) if alike else arguments[: len(value)])


def _takes_text(annotation: Any, text: str) -> bool:
    literal = get_origin(annotation) is Literal and text in get_args(annotation)
    return literal or annotation is str or annotation is Any


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _explain(error: ValidationError, config: type[BaseModel], source: str, remedy: str | None) -> UserError:
    faults = error.errors(include_url=False)
    # report a misspelt key before the key that is therefore missing
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    first = _of_union(first, faults)
    where = shorten(".".join(map(str, first["loc"])), BRIEF)
    if first["type"] == "missing":
        return UserError(f"{source}: {where!r} is missing", remedy or "add it")
    if first["type"] != "extra_forbidden":
        return UserError(f"{source}: {where or 'value'}{describe_error(first)}", remedy or "correct that value")
    owner = config
    for part in first["loc"][:-1]:  # list indices and mapping keys are not fields
        if str(part) in owner.model_fields:
            owner = _config_in(owner.model_fields[str(part)].annotation) or owner
    return UserError(f"{source}: unknown key {where!r}", suggest(str(first["loc"][-1]), owner.model_fields))


def _of_union(first: Any, faults: list[Any]) -> Any:
    """One error for a value of a union type, for which pydantic reports one error per member."""
    *place, kind = first["loc"] or ("",)
    if kind not in KINDS:
        return first
    same = [fault for fault in faults if list(fault["loc"][:-1]) == place and fault["loc"][-1] in KINDS]
    if len(same) < 2:
        return first
    chosen = next((fault for fault in same if fault["type"] == "finite_number"), None)
    if chosen is None:
        numbers = all(fault["loc"][-1] in {"int", "float"} for fault in same)
        chosen = {**first, "type": "value", "msg": f"should be a {'number' if numbers else 'single value'}"}
    return {**chosen, "loc": tuple(place)}


def describe_error(fault: Mapping[str, Any]) -> str:
    """Message of a pydantic error to follow the key, with the value."""
    said = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ").removeprefix("Input ")
    if fault["type"] in WORDS:
        limits = {k: int(v) if isinstance(v, float) and v.is_integer() else v for k, v in fault.get("ctx", {}).items()}
        said = WORDS[fault["type"]].format(**limits)
    said = f" {said}" if said.startswith(("should ", "has ", "is ")) else f": {said}"
    try:
        given = shorten(repr(fault["input"]), BRIEF)
    except ValueError:  # Python does not print integers of more than 4300 digits
        given = "a number of thousands of digits"
    return said if fault["type"] == "missing" else f"{said} (it is {given})"


def _config_in(annotation: Any) -> type[BaseModel] | None:
    """The configuration inside an annotation such as ``tuple[Row, ...]`` or ``ModalitySpec | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_config_in, get_args(annotation))), None)


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Copy ``base`` with ``changes`` applied; mappings are merged, other values replaced."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def override(data: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Copy ``data`` with each ``a.b=value`` applied; values are read as YAML.

    Raises:
        UserError: an assignment has no ``=`` or its value is not YAML.
    """
    for text in assignments:
        key, sign, value = text.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not sign or not all(path) or len(path) > DEPTH:
            cause = f"{shorten(text, BRIEF)!r} is not an assignment"
            raise UserError(cause, "write it as key=value, for example optim.batch_size=32")
        change: Any = _scalar(value, key)
        for part in reversed(path):
            change = {part: change}
        data = merge(data, change)
    return data


def _scalar(value: str, key: str) -> Any:
    try:
        return parse_yaml(value)
    except BROKEN:
        raise UserError(f"{shorten(value, BRIEF)!r} for {shorten(key, BRIEF)} is not YAML", "quote it") from None


def dump(config: BaseModel) -> str:
    """Write a configuration as YAML, from which ``Config.parse`` restores it exactly."""
    return dump_yaml(config.model_dump(mode="json"))
