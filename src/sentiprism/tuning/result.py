"""What a study has found: its trials, and an experiment file with the best settings."""

from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.files import write_text
from sentiprism.training.experiments import Experiment
from sentiprism.training.selection import selection_rule
from sentiprism.tuning.study import Study, Trial
from sentiprism.yaml_files import dump_yaml


class StudyResult(NamedTuple):
    """Trials of a study so far."""

    folder: Path
    study: Study
    trials: list[Trial]
    """In the order they started."""

    @property
    def ranked(self) -> list[Trial]:
        """Finished trials, the best valid score first."""
        sign = -1 if self.study.higher_is_better else 1
        return sorted((t for t in self.trials if t.score is not None), key=lambda t: sign * (t.score or 0.0))

    @property
    def experiment(self) -> Path:
        """Experiment file with the best settings."""
        return self.folder / "best.yaml"

    def to_dict(self) -> dict[str, Any]:
        """As a dictionary for JSON."""
        return {
            "folder": str(self.folder),
            "experiment": str(self.experiment),
            "study": self.study.model_dump(mode="json"),
            "best": self.ranked[0]._asdict() if self.ranked else None,
            "trials": [trial._asdict() for trial in self.trials],
        }


def write_best(result: StudyResult, dataset: str) -> None:
    """Write the experiment file of the best trial; nothing without a finished trial."""
    if not result.ranked:
        return
    best, study = result.ranked[0], result.study
    done = sum(trial.state in {"complete", "pruned", "failed"} for trial in result.trials)
    experiment = Experiment(
        title=f"{study.run['model']} on {dataset}, tuned",
        source=f"sentiprism tune, trial {best.number} of {done}",
        selection=selection_rule(study.scorer, study.select),
        run=study.settings(best.settings),
        notes=(
            f"Best valid {study.select} of {done} trials, each with {study.seeds} seed{'s' * (study.seeds > 1)}: "
            f"{best.score:.4f}. The best of many trials is better than what the settings give with other seeds.",
        ),
    )
    text = dump_yaml(experiment.model_dump(mode="json"), width=120)
    write_text(result.experiment, text)
