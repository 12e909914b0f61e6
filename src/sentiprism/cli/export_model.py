"""Command: export."""

from pathlib import Path
from typing import Annotated

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Json, OneDataset, choice, option
from sentiprism.cli.tables import emit_json, table
from sentiprism.errors import UserError

FORMATS = ("onnx", "encoder")
VARIANTS = ("int8", "qint8_avx2", "qint8_avx512_vnni", "qint8_arm64", "O1", "O2", "O3", "O4")
"""Copy of the names in `export.quantize`, to avoid importing it; a test compares them."""


@followed_by("{result}")
def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Folder of a run, seed or saved model; starter; or hf://OWNER/NAME@COMMIT."
        ),
    ],
    out: Annotated[Path, option("FOLDER", "New folder.")],
    file_format: Annotated[
        str,
        typer.Option("--format", **choice("format", FORMATS), help="A graph, or the fine-tuned text encoder alone."),
    ] = "onnx",
    quantize: Annotated[
        str | None,
        typer.Option(
            **choice("variant", VARIANTS, "VARIANT"),
            help="Add a variant, which is then used: int8 (for this machine's processor), or one of "
            f"{', '.join(VARIANTS[1:])}.",
        ),
    ] = None,
    dataset: OneDataset = None,
    allow_loss: Annotated[
        bool, typer.Option("--allow-loss", help="Also if the variant loses more than 0.01 of the selection metric.")
    ] = False,
    as_json: Json = False,
) -> tuple[object, ...]:
    """Export a model for programs without torch: an ONNX graph, tokenizer, calibration, card and a runner.

    The graph's predictions are compared with torch's on the valid split of the model's dataset, or of --dataset.
    With --format encoder only the text encoder that was fine-tuned with the model is written, for data.text.encoder.

    Examples:
        sentiprism export runs/mdf-mosi --out exported

        sentiprism export starter --quantize int8 --dataset mosi --out exported-starter

        sentiprism export runs/text_only-mosei --format encoder --out encoders/mosei
    """
    if file_format == "encoder":
        from sentiprism.export.encoder import export_encoder

        if quantize or dataset or allow_loss:
            raise UserError("--quantize, --dataset and --allow-loss are for graphs", "leave them out")
        folder = export_encoder(model, out)
        if as_json:
            emit_json({"folder": str(folder)})
        else:
            typer.echo(f"wrote {folder}")
        settings = ("--set", f"data.text.encoder={folder}", "--set", "data.text.mode=frozen")
        return "sentiprism", "train", "mdf", "--dataset", "mosi", *settings
    from sentiprism.export.export_model import export_model

    found = export_model(model, out, quantize=quantize, dataset=dataset, allow_loss=allow_loss)
    if as_json:
        emit_json(found.to_dict())
    else:
        columns, rows = found.table()
        table(f"{found.folder}: exported graphs beside torch", columns, rows, found.caption, numbers=columns)
    return "python", found.folder / "run.py", "I really liked the ending."
