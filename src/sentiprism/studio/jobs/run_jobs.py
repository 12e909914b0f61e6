"""Jobs about trained runs: calibrate, measure robustness, draw figures, explain."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiprism.errors import UserError
from sentiprism.studio.jobs.run_kinds import FIGURES, CalibrateJob, ExplainJob, FigureJob, RobustnessJob, RunJob
from sentiprism.tables import jsonable

if TYPE_CHECKING:
    from sentiprism.explanation.steps import Steps

FORMATS = (".png", ".pdf")
"""A picture for the page, and the papers' format to download."""
Told = Callable[[float, str], None]


def do_run_job(job: RunJob, told: Told) -> dict[str, Any]:
    """Do a job about a run.

    Args:
        job: its parameters.
        told: is told how far it is.

    Returns:
        What is kept of it in the database.

    Raises:
        UserError: it cannot be done.
    """
    if isinstance(job, CalibrateJob):
        return calibrate_run(job, told)
    if isinstance(job, RobustnessJob):
        return measure_robustness(job, told)
    return draw_figures(job, told) if isinstance(job, FigureJob) else explain_runs(job, told)


def calibrate_run(job: CalibrateJob, told: Told) -> dict[str, Any]:
    """Fit intervals on valid, and measure their coverage on test."""
    import sentiprism as sp

    told(0.1, "predicting valid and test")
    found: dict[str, Any] = jsonable(sp.calibrate(job.run, level=job.level).to_dict())
    told(0.8, "drawing")
    failed = _draw("reliability", job.run, "test")
    print(failed or "drawn: reliability", flush=True)
    return {"run": str(job.run), "calibration": {key: found[key] for key in ("split", "groups", "remarks")}}


def measure_robustness(job: RobustnessJob, told: Told) -> dict[str, Any]:
    """Measure a run on corrupted inputs, and draw the curves."""
    import sentiprism as sp

    told(0.1, "corrupting and predicting")
    found = sp.robustness(job.run, job.split, points=job.points)
    told(0.9, "drawing")
    failed = _draw("robustness", job.run, job.split)
    print(failed or "drawn: robustness", flush=True)
    return {"run": str(job.run), "curves": len(found.curves)}


def draw_figures(job: FigureJob, told: Told) -> dict[str, Any]:
    """Draw every figure that is possible for a run.

    Raises:
        UserError: none is.
    """
    failed = {}
    for number, name in enumerate(job.figures):
        told(number / len(job.figures), name)
        reason = _draw(name, job.run, job.split)
        print(f"{name}: {reason or 'drawn'}", flush=True)
        if reason:
            failed[name] = reason
    if len(failed) == len(job.figures):
        raise UserError(f"no figure could be drawn: {next(iter(failed.values()))}", "see the log")
    return {"run": str(job.run), "failed": failed}


def explain_runs(job: ExplainJob, told: Told) -> dict[str, Any]:
    """Attribute predictions: of one utterance by each run, or of a whole split to modalities."""
    if job.utterance is None:
        told(0.1, "predicting with every set of modalities")
        return {"run": str(job.runs[0]), "shares": _explain_split(job.runs[0], job.split)}
    from sentiprism.explanation.steps import explain_steps

    found = []
    for number, run in enumerate(job.runs):
        told(number / len(job.runs), run.name)
        found.append({"run": str(run), **_plain(explain_steps(run, job.utterance, job.split))})
        print(f"{run}: explained", flush=True)
    return {"utterance": job.utterance, "split": job.split, "explanations": found}


def _explain_split(run: Path, split: str) -> list[dict[str, Any]]:
    """Mean share of each modality in the absolute attributions, and its mean weight."""
    import sentiprism as sp
    from sentiprism.explanation.values import shares

    found = sp.explain(run, split)
    parts = {"shapley": shares(found.shapley), "occlusion": shares(found.occlusion)}
    if found.weights is not None:
        parts["weights"] = found.weights
    means = {name: values[:, found.whole].mean(axis=(0, 1)).tolist() for name, values in parts.items()}
    rows: list[dict[str, Any]] = jsonable(
        [
            {"modality": one, **{name: values[m] for name, values in means.items()}}
            for m, one in enumerate(found.modalities)
        ]
    )
    return rows


def _plain(found: "Steps") -> dict[str, Any]:
    plain: dict[str, Any] = jsonable(
        {
            "seed": found.seed,
            "prediction": found.prediction,
            "predicted": found.predicted,
            "label": found.label,
            "base": found.base,
            "shapley": found.attributions["shapley"],
            "words": {
                name: list(zip(part.names, part.values.tolist(), strict=True))
                for name, part in found.steps.items()
                if part.words
            },
        }
    )
    return plain


def _draw(name: str, run: Path, split: str) -> str:
    """Draw a figure into the run's folder; the reason where it is not possible."""
    from sentiprism.report import figures

    assert name in FIGURES  # noqa: S101 - the job's parameters are checked
    try:
        figure = getattr(figures, name)(run, split=split)
        for suffix in FORMATS:
            figures.save(figure, run / "figures" / f"{name}-{split}{suffix}")
    except UserError as error:
        return error.cause
    return ""
