"""What is published of a saved model: its files, and those of its run, without the paths of this machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiprism.assets.hub_names import is_repository
from sentiprism.data.names import short_name
from sentiprism.errors import UserError
from sentiprism.models.artifact import SavedModel, load_model
from sentiprism.models.hub import MODEL
from sentiprism.reading import read_json
from sentiprism.training.run import Run
from sentiprism.training.transfer import find_weights
from sentiprism.yaml_files import dump_yaml

KEPT = ("sentiprism", "python", "torch", "packages", "threads", "device", "precision", "gpu", "dataset", "init")
"""Keys of a run's environment that are published; its command and its machine are not."""
UNKNOWN_COMMAND = "not published"


@dataclass(frozen=True)
class Published:
    """A saved model as it is published.

    Args:
        saved: the model.
        files: content or file by path in the repository, without the card.
        run: its run; None for a saved model alone.
        seed: its seed in the run.
    """

    saved: SavedModel
    files: Mapping[str, bytes | Path]
    run: Run | None = None
    seed: int | None = None


def collect(model: str | Path) -> Published:
    """Collect the files of a model; of a run, those of one seed, so that they are a run again.

    Args:
        model: see `find_weights`.

    Raises:
        UserError: it is not a complete saved model, or has a text encoder that only this machine has.
    """
    folder = find_weights(str(model))
    saved = load_model(folder)
    files = _files(folder)
    _check_encoder(saved, folder)
    whole = folder.resolve().parents[1]
    seed = folder.resolve().parent.name.removeprefix("seed-")
    if folder.name != "model" or not seed.isdigit() or not (whole / "run.yaml").is_file():
        return Published(saved, files)
    run, number = Run(whole), int(seed)
    run.choose_seed(number)
    own = {f"seed-{number}/model/{path}": content for path, content in files.items()}
    return Published(saved, own | _records(run, number), run, number)


def _files(folder: Path) -> dict[str, bytes | Path]:
    """Files of a saved model that a repository may have."""
    found: dict[str, bytes | Path] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        most = MODEL.most(name)
        if most is None or not path.is_file():
            continue
        if path.stat().st_size > most:
            raise UserError(f"{path} is too large for a published model", "publish a smaller model")
        found[name] = path
        if path.suffix == ".json" and not name.startswith("text/tokenizer.") and name != "text/vocab.json":
            found[name] = _json(without_paths(read_json(path)))
    return found


def _check_encoder(saved: SavedModel, folder: Path) -> None:
    text = saved.model.features.text
    if text is None or text.encoder is None or (folder / "text").is_dir() or "text" not in saved.model.modalities:
        return
    if Path(text.encoder).expanduser().is_dir():
        cause = f"the model reads the states of the text encoder in {text.encoder}, which only this machine has"
        raise UserError(cause, "train it with an encoder that others have, such as minilm or a name on the hub")


def _records(run: Run, seed: int) -> dict[str, bytes | Path]:
    """Files that make a folder a run, for one seed."""
    init = run.config.init
    named = init if init is None or is_repository(init) else Path(init).name
    config = run.config.model_copy(update={"dataset": short_name(run.config.dataset), "seeds": (seed,), "init": named})
    environment = {key: run.environment[key] for key in KEPT if key in run.environment}
    if plugin := run.environment.get("plugin"):
        environment["plugin"] = plugin
    return {
        "run.yaml": dump_yaml(without_paths(config.model_dump(mode="json"))).encode(),
        "environment.json": _json(without_paths({**environment, "command": UNKNOWN_COMMAND})),
        "summary.json": _json({str(seed): run.summary[seed]}),
    }


def without_paths(value: Any) -> Any:
    """Replace absolute paths in JSON by their last part: they name folders, and often a person."""
    if isinstance(value, dict):
        return {key: without_paths(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(one) for one in value]
    if isinstance(value, str) and len(Path(value).parts) > 2 and Path(value).is_absolute() and "\n" not in value:
        return Path(value).name
    home = str(Path.home())
    return value.replace(home, "~") if isinstance(value, str) and len(home) > 3 else value


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()
