"""Write the command that trains a run again."""

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


def trained_by(run: Run) -> str:
    """What trains a run again; the command it was trained by where no shorter one says the same.

    The precision is said except where ``auto`` surely chooses it: ``no`` on a CPU.
    """
    precision, device, words = (run.environment[name] for name in ("precision", "device", "command"))
    shortest = command(run.config)
    if shortest is None:
        return str(words)
    return shortest if (device, precision) == ("cpu", "no") else f"{shortest} --precision {precision}"


def command(config: RunConfig) -> str | None:
    """The shortest ``sentiprism train`` with these settings: what differs from those it starts from.

    None where a setting it starts from cannot be taken back by ``--set``: a key that is to be gone.
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
    told = (f"{name}={_yaml(value)}" for name, value in changes)
    return shlex.join([*words, *(word for text in told for word in ("--set", text))])


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
