"""Command: explain."""

from typing import TYPE_CHECKING, Annotated

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Device, OneRun, Split, option
from sentiprism.cli.tables import bar, emit_json, number, side_by_side, table
from sentiprism.tables import signed

if TYPE_CHECKING:
    from rich.text import Text

    from sentiprism.explanation.modalities import Explanation
    from sentiprism.explanation.steps import StepAttribution, Steps

WINDOWS = 8
"""Most rows for showing frames."""
BAR = 20
COLOURS = {True: (33, 102, 172), False: (202, 84, 0)}
"""Blue = positive, orange = negative attribution; distinguishable with colour blindness."""


@followed_by("sentiprism {result}")
def explain(
    run: OneRun,
    split: Split = "test",
    utterance: Annotated[
        str | None, option("UTTERANCE", "Explain this utterance, with its words and frames.", "--id")
    ] = None,
    seed: Annotated[int | None, option("N", "Seed to explain; by default the first finished one.")] = None,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs, with every utterance.")] = False,
) -> tuple[object, ...]:
    """Attribute predictions to modalities by exact Shapley values, to words and frames by integrated gradients.

    Without --id: each modality's share over the split, and how far the model's own weights agree with it.

    Examples:
        sentiprism explain runs/mdf-mosi

        sentiprism explain runs/mdf-mosi --split valid --id 03bSnISJMiM-0

        sentiprism explain runs/mdf-mosi --json
    """
    if utterance is not None:
        from sentiprism.explanation.steps import explain_steps

        steps = explain_steps(run, utterance, split, seed=seed, device=device)
        emit_json(steps.to_dict()) if as_json else _show_utterance(steps)
        return "robustness", run
    from sentiprism.explanation.modalities import explain as attribute

    found = attribute(run, split, device=device)
    emit_json(found.to_dict()) if as_json else _show_split(found)
    return "explain", run, "--split", split, "--id", found.ids[0]


def _show_split(found: "Explanation") -> None:
    from sentiprism.explanation.values import shares

    parts = {"shapley": shares(found.shapley), "occlusion": shares(found.occlusion)}
    if found.weights is not None:
        parts["weights"] = found.weights
    rows = [
        (name, *(number(float(values[:, found.whole, m].mean())) for values in parts.values()))
        for m, name in enumerate(found.modalities)
    ]
    count = f"{len(found.seeds)} seed{'s' * (len(found.seeds) > 1)}, {found.whole.sum()} of {len(found.ids)} utterances"
    caption = f"mean shares of absolute attributions; {count}: those with all modalities\n{found.selection}"
    table(f"{found.model} on {found.dataset}, {found.split}", ("modality", *parts), rows, caption, numbers=tuple(parts))
    tables = {pair: one.table for pair, one in found.agreements.items()}
    names = list(dict.fromkeys(name for one in tables.values() for name in one))
    if tables:
        columns = {name: [one[name].cells() if name in one else ("–",) for one in tables.values()] for name in names}
        caption = (
            "Spearman's ρ of a modality's share over utterances, and of all shares together;\n"
            "within: mean over utterances of Kendall's τ between their modalities;\n"
            f"95% bootstrap intervals over {found.drawn_over}"
        )
        side_by_side("Rank agreement", list(tables), columns, caption, stub="attributions")


def _show_utterance(found: "Steps") -> None:
    rows = [
        (
            name,
            *((number if key == "weights" else _signed)(account[name]) for key, account in found.attributions.items()),
        )
        for name in next(iter(found.attributions.values()))
    ]
    what = f"logit of {found.predicted}" if found.predicted else "prediction"
    label = "" if found.predicted else f", label {number(found.label)}"
    caption = (
        f"{what} {number(found.prediction)}{label}; without any modality {number(found.base)}\n"
        f"the Shapley values sum to the difference; seed {found.seed}"
    )
    table(found.id, ("modality", *found.attributions), rows, caption, numbers=tuple(found.attributions))
    for name, part in found.steps.items():
        show = _show_words if part.words else _show_frames
        show(name, part)


def _show_words(name: str, part: "StepAttribution") -> None:
    from rich.text import Text

    from sentiprism.screen import clean, console

    screen = console()
    largest = max(map(abs, part.values)) or 1.0
    screen.print(Text(f"{name}: {_sum(part)}", style="bold"))
    colours = screen.is_terminal
    screen.print(Text(" ").join(_word(clean(word), value, largest, colours=colours) for word, value in _pairs(part)))
    screen.print(Text("blue raises, orange lowers the prediction\n" if colours else "", style="dim"))


def _pairs(part: "StepAttribution") -> list[tuple[str, float]]:
    return list(zip(part.names, part.values.tolist(), strict=True))


def _word(name: str, value: float, largest: float, *, colours: bool) -> "Text":
    """A word with a background by its attribution; without colours, with its number."""
    from rich.text import Text

    if not colours:
        return Text(f"{name} ({_signed(value)})" if value else name)
    red, green, blue = (round(channel * abs(value) / largest) for channel in COLOURS[value > 0])
    return Text(name, style=f"white on rgb({red},{green},{blue})" if value else "dim")


def _show_frames(name: str, part: "StepAttribution") -> None:
    import numpy as np

    windows = np.array_split(np.arange(len(part.values)), min(WINDOWS, len(part.values)))
    sums = [float(part.values[window].sum()) for window in windows]
    largest = max(map(abs, sums)) or 1.0
    rows = [
        ("–".join(map(str, dict.fromkeys((window[0], window[-1])))), _signed(value), bar(abs(value), largest, BAR))
        for window, value in zip(windows, sums, strict=True)
    ]
    table(f"{name}: {_sum(part)}", ("steps", "adds", ""), rows, numbers=("adds",))


def _sum(part: "StepAttribution") -> str:
    return f"{_signed(part.total)} relative to its baseline (integration error {part.error:.1g})"


def _signed(value: float) -> str:
    return signed(value, 3)
