"""Search space of a study: shared and model settings, minus fixed ones."""

from collections.abc import Iterable
from typing import Any

from sentiprism.config import override
from sentiprism.data.dataset import TuningView
from sentiprism.data.prepare import prepare
from sentiprism.errors import UserError, shorten
from sentiprism.machine import memory
from sentiprism.models import MODELS
from sentiprism.models.search_space import ENCODER, SHARED, Among, Between, Distribution, Space
from sentiprism.training.config import RunConfig
from sentiprism.training.draws import check_draws
from sentiprism.training.memory import check_memory
from sentiprism.training.selection import selection_rule
from sentiprism.training.train import resolve
from sentiprism.tuning.study import Study

_ABSENT = object()
SEARCHED = ("optim.", "config.", "data.")
"""Prefixes of the keys of settings that may be searched."""


def build_space(config: RunConfig, view: TuningView, fixed: dict[str, Any]) -> Space:
    """Build the search space: shared and model settings, without fixed ones and those without effect."""
    features = prepare(view, config.data)
    found: Space = {} if MODELS[config.model].closed_form else dict(SHARED)
    if found and features.text is not None and features.text.kind == "tokens":
        found |= ENCODER
    own = MODELS[config.model].Config.parse(config.config)
    found |= {f"config.{name}": distribution for name, distribution in own.space().items()}
    if view.card.target.kind == "classes":
        found.pop("config.task", None)  # there is one loss for classes
    return {place: distribution for place, distribution in found.items() if _at(fixed, place) is _ABSENT}


def _at(settings: Any, place: str) -> Any:
    """Value of a dotted key in nested settings, or `_ABSENT`."""
    for part in place.split("."):
        if not isinstance(settings, dict) or part not in settings:
            return _ABSENT
        settings = settings[part]
    return settings


def starting_values(study: Study) -> dict[str, Any]:
    """The study's starting settings that are in its search space; they are its first trial."""
    start = resolve(study.run).model_dump(mode="json")
    values = {place: _at(start, place) for place in study.space}
    return {place: value for place, value in values.items() if study.space[place].has(value)}


def check_study(study: Study, view: TuningView) -> None:
    """Refuse a study before its first trial if all trials, or all with one of its values, would fail."""
    from sentiprism.models.outline import outline
    from sentiprism.training.closed_form import check_closed_form
    from sentiprism.training.optimizer import check_groups

    config = resolve(study.run)
    selection_rule(study.scorer, study.select)
    features = prepare(view, config.data)

    def check_model(config: RunConfig) -> None:
        model = outline(config.model, features, view.card.target, config.config)
        check_groups(model, config.optim)
        check_closed_form(model, config)
        check_memory(model, config.optim, memory())

    check_draws(view.train, config)
    check_model(config)
    for place, distribution in study.space.items():
        for value in distribution.ends:
            changed = resolve(study.settings({place: value}))
            check_draws(view.train, changed)
            if place.startswith("config.") and changed.data == config.data:
                check_model(changed)


def read_space(texts: Iterable[str]) -> dict[str, Distribution]:
    """Distributions from ``place=[a, b]`` (`Among`) and ``place={low: a, high: b, log: true}`` (`Between`).

    Raises:
        UserError: a text is neither.
    """
    found: dict[str, Distribution] = {}
    for text in texts:
        place, _, value = text.partition("=")
        if not place.strip().startswith(SEARCHED):
            cause = f"{shorten(place.strip(), 60)!r} cannot be searched"
            raise UserError(cause, "name a setting such as optim.lr, config.width or data.feature_noise")
        (read,) = override({}, [f"value={value}"]).values()
        if isinstance(read, list):
            found[place.strip()] = Among.parse({"values": read}, f"search of {place}")
        elif isinstance(read, dict):
            found[place.strip()] = Between.parse(read, f"search of {place}")
        else:
            remedy = "write it as optim.lr={low: 1e-4, high: 1e-2} or config.width=[32, 64]"
            raise UserError(f"{shorten(text, 60)!r} is not a range", remedy)
    return found
