"""Write the command that reproduces a run."""

import json
import shlex
from typing import Any

from sentiprism.config import merge
from sentiprism.data.names import short_name
from sentiprism.training.config import FIRST_SEED, RunConfig
from sentiprism.training.experiments import default_settings
from sentiprism.training.run import Run
from sentiprism.training.train import resolve
from sentiprism.training.transfer import describe_transfer


def reproduction_command(run: Run) -> str:
    """The command that trains a run again; the original command if it cannot be shortened.

    It includes the precision, unless ``auto`` always chooses it: ``no`` on a CPU.
    """
    precision, device, words = (run.environment[name] for name in ("precision", "device", "command"))
    shortest = shortest_command(run.config)
    if shortest is None:
        return str(words)
    return shortest if (device, precision) == ("cpu", "no") else f"{shortest} --precision {precision}"


def shortest_command(config: RunConfig) -> str | None:
    """The shortest ``sentiprism train`` command for settings, with only the changes of the default ones.

    None if a default key would have to be removed, which ``--set`` cannot do.
    """
    dataset, count = short_name(config.dataset), len(config.seeds)
    base = default_settings(config.model, dataset)
    words = ["sentiprism", "train", config.model, "--dataset", dataset]
    counted = config.seeds == tuple(range(FIRST_SEED, FIRST_SEED + count))
    words += ["--seeds", str(count)] if counted else ["--set", f"seeds={_yaml(list(config.seeds))}"]
    base = merge(base, {"model": config.model, "dataset": dataset, "seeds": list(config.seeds)})
    wanted = resolve({**config.model_dump(mode="json"), "dataset": dataset})
    changes = _changes(resolve(base).model_dump(mode="json"), wanted.model_dump(mode="json"))
    assignments = [f"{name}={_yaml(value)}" for name, value in changes]
    if config.init is not None and "init" in dict(changes):
        changes = [(name, value) for name, value in changes if name != "init"]
        words += ["--init", describe_transfer(config.init)]
    if resolve(base, assignments) != wanted:
        return None
    texts = (f"{name}={_yaml(value)}" for name, value in changes)
    return shlex.join([*words, *(word for text in texts for word in ("--set", text))])


def _changes(old: dict[str, Any], new: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            found += _changes(before, value, f"{path}{name}.")
        elif value != before:
            found.append((f"{path}{name}", value))
    return found


def _yaml(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list | dict) or value is None else str(value)
