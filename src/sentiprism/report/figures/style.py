"""The common style of all figures."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from sentiprism.data.names import short_name
from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.files import atomic_file, check_writable
from sentiprism.training.run import Run
from sentiprism.training.selection import selection_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

WIDTH = 3.3
"""Inches: one column of a two-column page."""
SIZE = 7.0
"""Points of the smallest text, at that width."""
LINE = 0.125
"""Inches from one line of it to the next."""
MARGIN = 0.06
"""Inches left of title and small print."""
PAD = 0.03
"""Inches above and below them."""
GAP = 0.3
"""Inches of the key that a name does not take: its sign and the blanks around."""

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000", "#F0E442")
"""Okabe and Ito (2008), the darker first."""
MODALITY = dict(zip(("text", "audio", "vision"), OKABE_ITO, strict=False))
DIVERGING = ("#08519C", "#3182BD", "#9ECAE1", "#969696", "#FDAE6B", "#E6550D", "#A63603")
"""Negative is blue, neutral grey, positive orange: told apart with every kind of colour vision."""
MARKERS = "os^Dv"

FORMATS: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None, "Creator": "sentiprism", "Producer": None},
    ".svg": {"Date": None, "Creator": "sentiprism"},
    ".png": {"Software": None},
}
"""Metadata by suffix: nothing in a file depends on when it was written."""

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": SIZE,
    "axes.titlesize": SIZE,
    "axes.labelsize": SIZE,
    "xtick.labelsize": SIZE,
    "ytick.labelsize": SIZE,
    "legend.fontsize": SIZE,
    "legend.frameon": False,
    "legend.handlelength": 1.0,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.0,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,  # whole TrueType fonts, which journals ask for
    "svg.fonttype": "path",
    "svg.hashsalt": "sentiprism",
}

_waiting: list[ExitStack | None] = []
"""Of each figure that is being drawn, where its style ends; None once it has begun."""


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in this style, whatever the user's own matplotlib is set to.

    The style begins with the first part that is drawn: what cannot be drawn is refused before matplotlib is imported.

    Raises:
        UserError: matplotlib is not installed.
    """

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        if find_spec("matplotlib") is None:
            raise _absent()
        with ExitStack() as stack:
            _waiting.append(stack)
            try:
                return draw(*args, **kwargs)
            finally:
                _waiting.pop()

    return inside


def _begin_style() -> None:
    if _waiting and (stack := _waiting[-1]) is not None:
        _waiting[-1] = None
        stack.enter_context(_style())


def check_target(path: Path | str) -> Path:
    """``path`` if a figure can be written there.

    Raises:
        UserError: its suffix is of no known format, or a file stands in the way.
        OSError: it may not be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise UserError(f"{path} names no format of a figure", f"end it with one of: {', '.join(FORMATS)}")
    check_writable(path)
    return path


def save(figure: "Figure", path: Path | str) -> None:
    """Write a figure whole or not at all: PDF and SVG as vectors with their fonts, PNG with 300 dots an inch.

    Raises:
        UserError: the suffix is none of ``.pdf``, ``.svg`` and ``.png``.
    """
    path = check_target(path)
    with _style(), atomic_file(path) as temporary:
        figure.savefig(temporary, metadata=FORMATS[path.suffix])


def canvas(title: str, notes: Sequence[str], height: float, key: "Mapping[str, Artist] | None" = None) -> "Figure":
    """An empty figure with a title and a key above, and small print below.

    Args:
        title: bold, on one line or two.
        notes: parts of the small print.
        height: inches for the axes, which are laid out between.
        key: what stands for each name, see `patch` and `dot`; in columns as the width allows.
    """
    _begin_style()
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    head, small = _wrapped(title, SIZE + 1, bold=True), _wrapped("; ".join(notes), SIZE)
    names = [fitted(name, WIDTH * 0.85) for name in key or ()]
    columns = _columns(names)
    rows = [names[i : i + columns] for i in range(0, len(names), columns)]
    below = LINE * (small.count("\n") + 1) + 2 * PAD
    titled = 1.15 * LINE * (head.count("\n") + 1) + 2 * PAD
    above = titled + sum(LINE * (1.15 + max(name.count("\n") for name in row)) for row in rows) + PAD * bool(rows)
    total = below + height + above
    figure = Figure(figsize=(WIDTH, total))
    figure.set_layout_engine(ConstrainedLayoutEngine(rect=(0, below / total, 1, height / total)))
    left = MARGIN / WIDTH
    figure.text(left, 1 - PAD / total, head, va="top", fontsize=SIZE + 1, fontweight="bold")
    figure.text(left, PAD / total, small, va="bottom", color="0.3")
    if key:
        handles, order = list(key.values()), [i for c in range(columns) for i in range(c, len(names), columns)]
        anchor = (0, 1 - titled / total)
        style: Any = {"loc": "upper left", "bbox_to_anchor": anchor, "ncols": columns, "borderpad": 0.2}
        figure.legend([handles[i] for i in order], [names[i] for i in order], **style)
    return figure


def patch(colour: str) -> "Artist":
    """What stands for an area in the key."""
    _begin_style()
    from matplotlib.patches import Patch

    return Patch(color=colour, linewidth=0)


def dot(colour: str, marker: str, line: Literal["none", "-"] = "none") -> "Artist":
    """What stands for points in the key, or for a line with points."""
    _begin_style()
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, marker=marker, linestyle=line, markersize=4, markeredgewidth=0)


def headline(run: Run, split: str) -> str:
    """Model, dataset and split."""
    return f"{run.config.model} on {short_name(run.config.dataset)}, {split}"


def seeds_note(seeds: Sequence[int]) -> str:
    """Which seeds a figure is of."""
    together = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    listed = f"{seeds[0]} to {seeds[-1]}" if together else ", ".join(map(str, seeds))
    return f"seed{'s' * (len(seeds) > 1)} {listed}"


def run_notes(run: Run, seeds: Sequence[int], more: str = "") -> list[str]:
    """Which seeds of a run a figure is of, with what more is said of them, and how their epochs were chosen."""
    return [f"{seeds_note(seeds)}{more}", selection_note(run)]


def selection_note(run: Run) -> str:
    """How each seed's epoch was chosen."""
    rule = selection_of(run, run.protocol).partition(";")[0]
    return f"selected: {rule}"


def colours(names: Sequence[str], *, ordered: bool = False) -> list[str]:
    """One colour a name: its modality's where it names one, ordered classes from blue over grey to orange."""
    if ordered:
        keep = {1: (3,), 2: (1, 5), 3: (1, 3, 5), 5: (0, 2, 3, 4, 6), 7: range(7)}
        if len(names) in keep:
            return [DIVERGING[i] for i in keep[len(names)]]
    own = {name: next((MODALITY[m] for m in MODALITY if m in name.split(".")), None) for name in names}
    free = (colour for colour in OKABE_ITO * len(names) if colour not in own.values())
    return [own[name] or next(free) for name in names]


def fitted(text: str, inches: float, size: float = SIZE) -> str:
    """The text, broken after dots, underscores and blanks where it is longer than ``inches``."""
    return _wrapped(text.replace(".", ".\0").replace("_", "_\0"), size, inches=inches).replace("\0", "")


def _wrapped(text: str, size: float, *, bold: bool = False, inches: float = WIDTH - 2 * MARGIN) -> str:
    """Lines of at most ``inches``, broken at blanks and zero characters."""
    lines = [""]
    for word in text.replace("\0", "\0 ").split(" "):
        glue = "" if not lines[-1] or lines[-1].endswith("\0") else " "
        longer = f"{lines[-1]}{glue}{word}"
        if not lines[-1] or _inches(longer.replace("\0", ""), size, bold=bold) <= inches:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def _columns(names: Sequence[str]) -> int:
    """As many columns as the names leave room for, filled row by row."""
    widths = [GAP + max(_inches(line, SIZE) for line in name.split("\n")) for name in names]
    fits = (n for n in range(len(names), 1, -1) if sum(max(widths[i::n]) for i in range(n)) <= WIDTH - MARGIN)
    return next(fits, 1)


def _inches(text: str, size: float, *, bold: bool = False) -> float:
    _begin_style()
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=STYLE["font.family"], size=size, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def _absent() -> UserError:
    return UserError("figures need matplotlib", install_extra("figures"))


def _style() -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        raise _absent() from None
    return mpl.rc_context(STYLE)
