"""Do the jobs of labelling by the public Python API."""

from collections.abc import Callable
from typing import Any

import sentiprism as sp
from sentiprism.studio.jobs.cutting import cut_recordings
from sentiprism.studio.jobs.label_kinds import AdaptJob, CutJob, ExtractLabelsJob
from sentiprism.tables import jsonable


def do_label_job(job: CutJob | AdaptJob | ExtractLabelsJob, told: Callable[..., object]) -> dict[str, Any]:
    """Cut recordings, adapt the starter to labels, or make a dataset of them.

    Args:
        job: its parameters.
        told: called with the share that is done, and a text.
    """
    if isinstance(job, CutJob):
        return cut_recordings(job, told)
    return _adapt(job, told) if isinstance(job, AdaptJob) else _extract(job, told)


def _adapt(job: AdaptJob, told: Callable[..., object]) -> dict[str, Any]:
    from sentiprism.analysis.adapt import adapt

    begun = {"extracting": 0.0, "folds": 0.5}
    made = adapt(
        job.clips,
        job.labels,
        out=job.out,
        model=job.model,
        dataset=f"adapt-{job.out.name}",
        low=job.low,
        high=job.high,
        on=lambda what, count, total: told(begun[what] + 0.5 * count / total, f"{what}, {count} of {total}"),
    )
    told(1.0, "", now=True)
    print("\n".join(made.verdicts), flush=True)
    return {"adapted": jsonable(made.to_dict())}


def _extract(job: ExtractLabelsJob, told: Callable[..., object]) -> dict[str, Any]:
    made = sp.extract(
        job.clips,
        job.dataset,
        labels=job.labels,
        options=job.options,
        low=job.low,
        high=job.high,
        classes=job.classes,
        on=lambda count, total: told(count / total, f"{count} of {total} recordings"),
    )
    told(1.0, "", now=True)
    return {"dataset": made.dataset.name, "failed": made.failed}
