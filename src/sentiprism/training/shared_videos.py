"""Check whether initial weights were trained on videos of the test split."""

from pathlib import Path

from sentiprism.data.dataset import Dataset, TuningView
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError
from sentiprism.models.artifact import describe_model
from sentiprism.training.run import Run


def describe_shared_videos(folder: Path, source: str, view: TuningView) -> list[str]:
    """Compare the videos of a saved model's train and valid splits with those of a test split, by name.

    Args:
        folder: of the saved model.
        source: what the user calls it.
        view: the dataset of the new run.

    Returns:
        Notes for the user; [] if no video is shared.
    """
    metadata = describe_model(folder).metadata
    name, content, init = str(metadata.get("dataset")), metadata.get("content"), None
    unknown = f"it is not known whether {source} was trained on test videos of {view.name}"
    try:
        whole = folder.resolve().parents[1]
        if (whole / "run.yaml").is_file():  # it names the dataset as the user gave it, and the run's initial weights
            run = Run(whole)
            name, init = run.config.dataset, run.config.init
        own = [] if content == view.card.content else _compare(name, content, source, view)
    except UserError:
        own = [f"{unknown}: its dataset {name} is missing or has changed"]
    return own + [f"{unknown}: it started from {init} itself"] * (init is not None)


def _compare(name: str, content: str | None, source: str, view: TuningView) -> list[str]:
    if not isinstance(view, Dataset):
        return [f"it is not known whether {source} was trained on test videos: no test split was given"]
    theirs = load_dataset(name, verify=False)
    if theirs.card.content != content:
        raise UserError(f"dataset {name} has changed", "import the same files")
    seen = {*theirs.train.video_ids.tolist(), *theirs.valid.video_ids.tolist()}
    videos = {*view.test.video_ids.tolist()}
    if not (count := len(videos & seen)):
        return []
    where = f"train and valid of {theirs.name}, which {source} was trained on"
    return [f"{count} of {len(videos)} test videos have the names of videos in {where}: they are not unseen"]
