"""Test results of a run folder."""

from math import nan
from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.evaluation.differences import Difference
from sentiprism.evaluation.evaluate import load_evaluation
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.evaluation.predictions import training_seconds
from sentiprism.models import MODELS
from sentiprism.models.artifact import count_parameters, describe_model
from sentiprism.reproduction.command import reproduction_command
from sentiprism.training.run import Run


class Key(NamedTuple):
    """Properties that the runs of one table share; runs of different tables are not comparable."""

    dataset: str
    reader: str
    """Text encoder, whether it was trained, and the run whose weights the runs started from."""
    protocol: str
    content: str


class Result(NamedTuple):
    """Test results of a run folder."""

    run: Run
    evaluation: Evaluation
    inputs: str
    """Modalities and text encoder."""
    parameters: int
    """Number of trained parameters, without a frozen encoder."""
    seconds: float
    """Training time of all epochs, mean over seeds."""
    command: str
    """Command that trains it again."""
    valid: tuple[str, list[float]]
    """Metric that selected the epochs, and its value per seed (and fold)."""
    reader: str = ""
    """Text encoder, whether it was trained, and the run whose weights the run started from; "" if text is features."""
    reference: str = ""
    """Reference model of its table."""
    difference: dict[str, Difference] | None = None
    """Differences from the reference run; None for the reference itself, or without one."""
    corrected: float = nan
    """p of the difference on the protocol's own metric, corrected over the runs of its table (Holm)."""

    @property
    def table(self) -> Key:
        """Key of its table."""
        content = self.run.environment["dataset"]["content"]
        return Key(self.evaluation.dataset, self.reader, self.evaluation.protocol.name, content)

    def to_dict(self) -> dict[str, Any]:
        """As a dictionary for JSON."""
        return {
            **self.evaluation.to_dict(),
            "folder": str(self.run.folder),
            "inputs": self.inputs,
            "parameters": self.parameters,
            "seconds": self.seconds,
            "command": self.command,
            "valid": {self.valid[0]: self.valid[1]},
            "reference": self.reference,
            "difference": {k: d._asdict() for k, d in self.difference.items()} if self.difference else None,
            "p_corrected": self.corrected,
            "environment": self.run.environment,
        }


def read_result(run: Run, device: str) -> Result:
    """Read a run; it is evaluated if its predictions on test are not stored yet.

    Raises:
        UserError: a file of it is damaged, or its predictions cannot be made.
    """
    model = run.model_folder(run.finished[0])
    evaluation = load_evaluation(run, device=device)
    select = run.config.optim.select or evaluation.protocol.default_selection
    valid = select, run.valid_scores(select)
    inputs, reader = _inputs(run, model)
    return Result(
        run,
        evaluation,
        inputs,
        count_parameters(model),
        training_seconds(run),
        reproduction_command(run),
        valid,
        reader,
    )


def _name_source(source: Path) -> str:
    """Name the run or saved model that a run started from."""
    return source.parent.name if source.name.startswith("seed-") else source.name


def _inputs(run: Run, model: Path) -> tuple[str, str]:
    """Describe the modalities with the text encoder, and the text encoder alone."""
    described = describe_model(model)
    config = MODELS[described.model].Config.parse(described.config, f"{model}: config")
    present = [name for name in described.features.present() if name in config.modalities]
    text, encoder, reader = described.features.text, run.config.data.text.encoder, ""
    if text is not None and text.encoder and encoder is not None:
        reader = f"{Path(encoder).name}, {'tuned' if text.kind == 'tokens' else 'frozen'}"
        if run.config.init is not None:
            reader += f", from {_name_source(Path(run.config.init))}"
    return ", ".join(f"text ({reader or 'features'})" if name == "text" else name for name in present), reader
