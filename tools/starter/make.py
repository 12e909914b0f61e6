"""Makes the starter model from the data it learns from, all of it, in one command.

    python -m tools.starter.make --data ../shared/data

Extracts RAVDESS, builds the dataset, trains the experiment ``lf_dnn/sentiprism2026_starter``, calibrates on valid,
measures on test, and writes ``src/sentiprism/starter`` and ``docs/starter_model_card.md``. Datasets go into the store
as ``ravdess`` and ``starter``; what is extracted and encoded is kept, so that a second run only trains.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from sentiprism.analysis.extract import extract
from sentiprism.data.dataset import Dataset
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.calibration import calibrate
from sentiprism.executors.choose import choose_executor
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.models.artifact import annotate
from sentiprism.tensors import save_tensors
from sentiprism.training.train import train
from tools.ravdess import labels as ravdess
from tools.starter.card import render
from tools.starter.dataset import NAME, build
from tools.starter.measure import counts, measure

ROOT = Path(__file__).parents[2]
MODEL = "lf_dnn"
RAVDESS = "ravdess"
LICENCE = (
    "non-commercial use only: it learned from RAVDESS (CC BY-NC-SA 4.0); give credit to Livingstone and Russo 2018"
)
LIMITS = (
    "English, acted voices and faces of 16 actors, texts of film reviews and monologues: an estimate, no measurement.",
    "It never saw text, voice and face of one person at once; irony, where they disagree, is beyond it.",
    "Not for decisions about people: hiring, credit, policing, health, education.",
)


def prepare(data: Path, work: Path, jobs: int, *, keep: bool) -> Dataset:
    """The dataset, from the store where ``keep`` is given and it is there."""
    if keep:
        try:
            return load_dataset(NAME)
        except UserError:
            pass
    labels, vision = ravdess.write(data / "ravdess", work, EXTRACTORS["action_units"].recipe.columns)
    try:
        load_dataset(RAVDESS)
    except UserError:
        executor = choose_executor(jobs=jobs)
        extract(data / "ravdess", RAVDESS, labels=labels, vision_features=vision, low=-3, high=3, executor=executor)
    return build(data, RAVDESS)


def halve(weights: Path) -> None:
    """Keep weights in half precision, which is enough for them and half the size; a model computes in single."""
    halved = weights.with_name("halved")
    save_tensors(halved, {name: tensor.half() for name, tensor in load_file(weights).items()})
    halved.replace(weights)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Make the starter model and its card.")
    parser.add_argument("--data", type=Path, required=True, help="folder of mosi, mosei and ravdess")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "starter", help="where the run goes")
    parser.add_argument("--model", default=MODEL, help="whose experiment sentiprism2026_starter is trained")
    parser.add_argument("--jobs", type=int, default=1, help="recordings at a time")
    parser.add_argument("--keep", action="store_true", help="take the dataset that is in the store")
    parser.add_argument("--set", action="append", default=[], help="change a setting: key=value; repeatable")
    parser.add_argument("--trial", action="store_true", help="measure on valid, print, and change nothing")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    dataset = prepare(given.data, given.work, given.jobs, keep=given.keep)
    shutil.rmtree(given.work / "run", ignore_errors=True)
    experiment = f"{given.model}/sentiprism2026_starter"
    run = train(experiment=experiment, seeds=1, assignments=given.set, out=given.work / "run")
    folder = run.seed_folder(run.finished[0]) / "model"
    halve(folder / "weights.safetensors")
    if given.trial:
        print(json.dumps(measure(folder, dataset, "valid"), indent=1))
        return
    calibrate(run, store=True)
    found = measure(folder, dataset, "test")
    sources = (("mosei", "text"), ("mosi", "text"), ("ravdess", "audio + vision"))
    mosei, mosi, seen = (f"{found[source][kept]['covered']:.0%}" for source, kept in sources)
    covered = (
        f"Its intervals held {mosei} of the labels of MOSEI's new texts, {mosi} of MOSI's, and {seen} of those of "
        "RAVDESS's new voices and faces."
    )
    notes: dict[str, Any] = {"licence": LICENCE, "limits": [*LIMITS, covered], "measured": found}
    annotate(folder, **notes)
    package = ROOT / "src" / "sentiprism" / "starter"
    package.mkdir(exist_ok=True)
    for file in folder.iterdir():
        shutil.copyfile(file, package / file.name)  # not its mode: everybody may read it
    (ROOT / "docs" / "starter_model_card.md").write_text(
        render(folder, found, counts(dataset), dataset.card.protocol), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
