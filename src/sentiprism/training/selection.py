"""The rule that chooses the epoch, in words."""

from sentiprism.metrics import Protocol


def selection_rule(protocol: Protocol, select: str | None) -> str:
    """How the epoch is chosen, in words that stand beside every number.

    Raises:
        UserError: the protocol has no metric of that name.
    """
    metric = select or protocol.default_selection
    extreme = "highest" if protocol.higher_is_better(metric) else "lowest"
    return f"epoch of the {extreme} valid {protocol.metrics[metric].label}; test is not looked at"
