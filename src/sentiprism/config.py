"""Configuration: YAML read safely into frozen models that refuse unknown keys."""

from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from typing import Any, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sentiprism.errors import UserError, suggest

BROKEN = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)
"""What safe_load raises: also ``2020-13-45``, ``!!bool x``, ``!!timestamp x`` and a thousand brackets."""


class Config(BaseModel):
    """Base of every configuration: frozen, no extra keys, finite numbers, documented by its fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def parse(cls, data: dict[str, Any], source: str = "configuration") -> Self:
        """Validate ``data``; the first fault becomes one line that names the key and the near match."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise _explain(error, cls, source) from None


def _explain(error: ValidationError, config: type[BaseModel], source: str) -> UserError:
    faults = error.errors(include_url=False, include_context=False)
    # a key that is misspelt is also one that is missing: its own name says more
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return UserError(f"{source}: {where!r} is missing", "add it")
    if first["type"] != "extra_forbidden":
        reason = first["msg"].removeprefix("Value error, ")
        given = f" (it is {_brief(first['input'])})"
        return UserError(f"{source}: {where or 'value'}: {reason}{given}", "correct that value")
    owner = config
    for part in first["loc"][:-1]:  # numbers and keys of mappings are no fields
        if str(part) in owner.model_fields:
            owner = _config_in(owner.model_fields[str(part)].annotation) or owner
    return UserError(f"{source}: unknown key {where!r}", suggest(str(first["loc"][-1]), owner.model_fields))


def _config_in(annotation: Any) -> type[BaseModel] | None:
    """The configuration inside an annotation such as ``tuple[Row, ...]`` or ``ModalitySpec | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_config_in, get_args(annotation))), None)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping; a missing or broken file is a `UserError`."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"no file {path}", "check the path") from None
    except (OSError, *BROKEN) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}", "mend the file") from None
    if not isinstance(data, dict):
        raise UserError(f"{path} holds no mapping", "write 'key: value' lines")
    return data


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Copy of ``base`` with ``changes`` on top; mappings merge, anything else replaces."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def override(data: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Copy of ``data`` with each ``a.b=value`` applied; values are read as YAML.

    Raises:
        UserError: an assignment has no ``=`` or its value is not YAML.
    """
    for text in assignments:
        key, sign, value = text.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not sign or not all(path):
            raise UserError(f"{text!r} sets nothing", "write it as key=value, for example optim.batch_size=32")
        change: Any = _scalar(value, key)
        for part in reversed(path):
            change = {part: change}
        data = merge(data, change)
    return data


def _scalar(value: str, key: str) -> Any:
    try:
        read = yaml.safe_load(value)
    except BROKEN:
        raise UserError(f"{value!r} for {key} is not YAML", "quote it") from None
    if read != value.strip():  # not text, or quoted
        return read
    try:  # YAML 1.1 reads 5e-5 as text; a number was meant
        number = float(read)
    except ValueError:
        return read
    return number if isfinite(number) else read


def dump(config: BaseModel) -> str:
    """YAML text that `load_yaml` and ``Config.parse`` read back to an equal configuration."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
