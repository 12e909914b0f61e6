"""The selection rule in words."""

from typing import TYPE_CHECKING, Any

from sentiprism.metrics import Protocol

if TYPE_CHECKING:
    from sentiprism.training.run import Run


def selection_rule(protocol: Protocol, select: str | None, what: str = "epoch") -> str:
    """Describe how the epoch is selected, for a note below reported numbers.

    Args:
        protocol: of the dataset.
        select: valid metric used; None = the protocol's own.
        what: what is selected; for a model that is fitted in closed form, the penalty.

    Raises:
        UserError: the protocol has no metric of that name.
    """
    metric = select or protocol.default_selection
    extreme = "highest" if protocol.higher_is_better(metric) else "lowest"
    return f"{what} of the {extreme} valid {protocol.metrics[metric].label}; test is not looked at"


def selection_of(run: "Run", protocol: Protocol) -> str:
    """Describe how the epochs of a run's finished seeds were selected."""
    chosen = next(iter(run.summary.values()), {})
    return selection_rule(protocol, run.config.optim.select, " and ".join(chosen.get("solution", ["epoch"])))


def epoch_label(row: dict[str, Any]) -> str:
    """Name of an epoch's record: "epoch 3", or "penalty 0.1" for a closed form."""
    return ", ".join(f"{name} {value:g}" for name, value in row.get("solution", {"epoch": row["epoch"]}).items())
