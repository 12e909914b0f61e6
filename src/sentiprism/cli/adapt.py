"""Command: adapt."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import AllowMissing, Columns, Device, High, Jobs, Json, Low, choice, option
from sentiprism.cli.options import number as parse
from sentiprism.cli.sources import pairs
from sentiprism.cli.tables import Cell, emit_json, number, points, side_by_side

if TYPE_CHECKING:
    from sentiprism.evaluation.adaptation import Effect


@followed_by("sentiprism analyze CLIP --model {out}")
def adapt(
    clips: Annotated[Path, typer.Argument(metavar="CLIPS", help="Folder of recordings.")],
    labels: Annotated[
        Path,
        option("FILE", "CSV of file and label; and video_id or speaker, text, split, start, end."),
    ],
    out: Annotated[Path, option("FOLDER", "Folder for the model.")] = Path("adapted"),
    model: Annotated[str, option("MODEL|starter", "Saved model to start from, or hf://OWNER/NAME@COMMIT.")] = "starter",
    low: Low = None,
    high: High = None,
    text: Annotated[
        str, typer.Option(**choice("source of texts", ("given", "recognised")), help="In the table, or recognised.")
    ] = "given",
    column: Columns = None,
    language: Annotated[str | None, option("CODE", "Language of the speech, ISO 639-1.")] = None,
    epochs: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Passes over the clips.")] = 10,
    lr: Annotated[float | None, typer.Option(parser=parse, metavar="X", help="Learning rate; 0.0001.")] = None,
    folds: Annotated[
        int, typer.Option(min=3, max=100, metavar="N", help="Folds of the cross-validation by video.")
    ] = 5,
    jobs: Jobs = None,
    allow_missing: AllowMissing = False,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Fine-tune the starter on your own labelled clips, and measure whether that helps.

    About fifty clips of several speakers are enough to try. Each video (or speaker) is predicted by a model that was
    not trained on it; the table compares the model before and after with the mean of the labels. Rows of the split
    test are never trained on and evaluated separately. The text encoder stays frozen. Labels are mapped linearly from
    [--low, --high] to the model's scale, which is the default.

    Examples:
        sentiprism adapt clips/ --labels my.csv

        sentiprism adapt clips/ --labels my.csv --low 0 --high 10 --out models/mine

        sentiprism adapt calls/ --labels l.csv --text recognised --column video_id=caller
    """
    from sentiprism.analysis.adapt import adapt as make
    from sentiprism.executors.choose import choose_executor
    from sentiprism.progress import progress

    done = {"extracting": 0, "folds": 0}
    with progress(f"adapting {model}", 1.0) as advance:

        def on(what: str, count: int, total: int) -> None:
            advance(0.5 * (count - done[what]) / total)
            done[what] = count

        made = make(
            clips,
            labels,
            out=out,
            model=model,
            settings={"epochs": epochs, "folds": folds, **({} if lr is None else {"lr": lr})},
            columns=pairs(column or [], "NAME=THEIRS"),
            low=low,
            high=high,
            text=text,
            language=language,
            executor=choose_executor(jobs=jobs),
            allow_missing=allow_missing,
            device=device,
            on=on,
        )
    if as_json:
        return emit_json(made.to_dict())
    _show("cross-validated by video", made.crossed, f"{model} before, the adapted model after")
    if made.tested is not None:
        _show("rows of the split test", made.tested, "never trained on")
    lines = [f"left out: {name}: {reason}" for name, reason in made.failed.items()]
    points(f"saved: {made.folder}", [*made.verdicts, *lines])
    return None


def _show(title: str, effect: "Effect", note: str) -> None:
    """Print a table of before, after and the constant predictor."""
    columns: dict[str, list[Cell]] = {
        name: [*(row[key].cells() for key in ("mae", "pearson")), (number(effect.within[name]),)]
        for name, row in effect.metrics.items()
    }
    columns["after less before"] = [*(effect.differences[key].cells()[:2] for key in ("mae", "pearson")), ("",)]
    caption = (
        f"{note}\n{effect.utterances} utterances; 95% bootstrap interval over {effect.units.number} {effect.units.name}"
    )
    side_by_side(title, ["MAE ↓", "r ↑", "r within videos ↑"], columns, caption)
