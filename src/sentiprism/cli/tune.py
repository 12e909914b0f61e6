"""Command: tune."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import MOST, MOST_SEED, Device, Json, OneDataset, OneModel, Precision, option
from sentiprism.cli.tables import emit_json, number, table
from sentiprism.errors import UserError

if TYPE_CHECKING:
    from sentiprism.tuning.result import StudyResult

SHOWN = 5
"""Number of trials in the table."""


@followed_by("sentiprism train --experiment {result} --seeds 5")
def tune(
    model: OneModel = None,
    dataset: OneDataset = None,
    trials: Annotated[
        int, typer.Option(min=1, max=MOST, metavar="N", help="Total number of trials in the study.")
    ] = 20,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Processes that run them.")] = 1,
    experiment: Annotated[str | None, option("NAME", "Settings to start from; by default as in train.")] = None,
    settings: Annotated[
        list[str] | None, option("KEY=VALUE", "Fixed setting, not searched; repeatable.", "--set")
    ] = None,
    search: Annotated[
        list[str] | None,
        option("KEY=RANGE", "Search this setting too, or in another range: [a, b] or {low: a, high: b}; repeatable."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, metavar="N", help="Of each trial, whose score is their mean.")
    ] = 1,
    seed: Annotated[
        int, typer.Option(min=0, max=MOST_SEED, metavar="N", help="Random seed of the search, not of the trainings.")
    ] = 0,
    out: Annotated[Path | None, option("STUDY", "Folder of the study; by default runs/tune-MODEL-NAME.")] = None,
    resume: Annotated[Path | None, option("STUDY", "Resume this study.")] = None,
    storage: Annotated[
        str | None, option("ADDRESS", "PostgreSQL database of a study on several machines, by URL or service=NAME.")
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> Path:
    """Search a model's settings for the best valid score; the test split is not opened.

    A trial is one training with the first seed, ended early if it is worse than the median of the others; the first one
    has the starting settings. The same command resumes the study, and in further terminals joins it; with --storage
    on other machines too.

    Examples:
        sentiprism tune mdf --dataset mosi --trials 40

        sentiprism tune mdf --dataset mosi --seeds 3

        sentiprism tune mdf --dataset mosi --set optim.epochs=5 --jobs 2

        sentiprism tune tmt --dataset mosi --search 'config.width=[64, 128]'

        sentiprism tune mdf --dataset mosi --storage postgresql://me@host/studies

        sentiprism tune --resume runs/tune-mdf-mosi --trials 60
    """
    from sentiprism.tuning.tune import resume_study
    from sentiprism.tuning.tune import tune as begin

    engine: dict[str, Any] = {"device": device, "precision": precision, "storage": storage}
    if resume is not None:
        if model or dataset or experiment or settings or search or seed or seeds > 1 or out:
            raise UserError("--resume continues a study with its own settings", "give only --resume STUDY and --trials")
        found = resume_study(resume, trials=trials, jobs=jobs, **engine)
    else:
        found = begin(
            model,
            dataset,
            trials=trials,
            jobs=jobs,
            experiment=experiment,
            assignments=settings or (),
            search=search or (),
            seeds=seeds,
            seed=seed,
            out=out,
            **engine,
        )
    if as_json:
        emit_json(found.to_dict())
        return found.experiment
    places = list(found.study.space)
    best = found.ranked[:SHOWN]
    metric = found.study.scorer.metrics[found.study.select]
    rows = [
        ("score", *(number(trial.score or 0.0, metric.scale) for trial in best)),
        *((place, *(_shown(trial.settings.get(place)) for trial in best)) for place in places),
    ]
    count_of_seeds = "one seed" if found.study.seeds == 1 else f"the mean of {found.study.seeds} seeds"
    counts = {state: sum(trial.state == state for trial in found.trials) for state in ("complete", "pruned", "failed")}
    caption = (
        f"{', '.join(f'{count} {state}' for state, count in counts.items() if count)}; {count_of_seeds} each, on valid"
    )
    caption += f"\n{_constant(found)}\n{found.study.scorer.footnotes([found.study.select])[0]}"
    names = [f"trial {trial.number}" for trial in best]
    table(f"Best valid {metric.label}", ("setting", *names), rows, caption, numbers=names)
    return found.experiment


def _constant(found: "StudyResult") -> str:
    """Valid score of the constant predictor, for comparison with the trials."""
    from sentiprism.data.binned import binned
    from sentiprism.data.store import load_tuning
    from sentiprism.evaluation.constant import NAME, constant_of
    from sentiprism.training.config import RunConfig

    study = found.study
    run = RunConfig.parse(study.run, "settings of the study")
    view = binned(load_tuning(run.dataset), run.data.bins)
    same, description = constant_of(view, len(view.valid))
    score = study.scorer.compute(same, view.valid.labels["M"])[study.select]
    return f"{NAME}: {number(score, study.scorer.metrics[study.select].scale)} ({description})"


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "none" if value is None else str(value)
