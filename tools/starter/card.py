"""The starter's model card: what is measured comes from the model, what is to be said stands here."""

from math import isnan
from pathlib import Path
from typing import Any

from sentiprism.metrics import protocol
from sentiprism.models import load_model

SOURCES = {
    "mosi": "CMU-MOSI, official test split, text",
    "mosei": "CMU-MOSEI, official test split, text",
    "ravdess": "RAVDESS, actors 21 to 24, voice and face",
    "joined": "Made up: RAVDESS actors 21 to 24 with test texts of like label",
    "unrelated": "Made up: RAVDESS actors 21 to 24 with any test texts, whose labels count",
}

PAGE = Path(__file__).with_name("card_template.md")


def render(folder: Path, measured: dict[str, dict[str, dict[str, Any]]], counts: dict[str, str], judged_by: str) -> str:
    """The page.

    Args:
        folder: of the saved model, calibrated.
        measured: see `measure`.
        counts: utterances of each split by source, as cells of a row.
        judged_by: metric protocol by name.
    """
    saved = load_model(folder)
    features, calibration, noted = saved.model.features, saved.calibration, saved.metadata
    hears, sees = features.audio.recipe, features.vision.recipe
    return PAGE.read_text(encoding="utf-8").format(
        model=f"{type(saved.model).__name__} ({saved.model.citation.authors.split(',')[0]} et al., "
        f"{saved.model.citation.venue} {saved.model.citation.year})",
        parameters=sum(parameter.numel() for parameter in saved.model.parameters()),
        size=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6,
        tokens=features.text.max_tokens,
        audio=features.audio.width,
        hears=hears.extractor,
        rate=hears.rate or 0,
        vision=features.vision.width,
        sees=sees.extractor,
        counts=counts,
        selection=f"Selection: {noted['selection']}",
        seed=noted["seed"],
        level=calibration.level,
        samples=f"{calibration.samples:,}",
        sets=", ".join(
            f"{name.replace('+', ' + ')} ({one.samples:,})" for name, one in calibration.by_modalities.items()
        ),
        tables="\n\n".join(_table(name, measured[name], judged_by) for name in SOURCES),
    )


def _table(name: str, rows: dict[str, dict[str, Any]], judged_by: str) -> str:
    metrics = protocol(judged_by).metrics
    shown = [metric for metric in metrics if metric in next(iter(rows.values()))]
    heads = [f"{metrics[metric].label} {'↑' if metrics[metric].higher_is_better else '↓'}" for metric in shown]
    lines = [
        f"### {SOURCES[name]}: {next(iter(rows.values()))['utterances']:,} utterances",
        "",
        f"| given | {' | '.join(heads)} | covered | width |",
        f"|---|{'---:|' * (len(heads) + 2)}",
    ]
    for key, row in rows.items():
        cells = [_cell(row[metric], metrics[metric].scale) for metric in shown]
        ends = (f"{100 * row['covered']:.1f}%", f"{row['width']:.2f}") if "covered" in row else ("", "")
        lines.append(f"| {' | '.join((key, *cells, *ends))} |")
    return "\n".join(lines)


def _cell(given: list[float], scale: int) -> str:
    mean, low, high = given
    if isnan(mean):  # a constant has no correlation
        return "–"
    digits = 1 if scale == 100 else 3
    return f"{scale * mean:.{digits}f} [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"
