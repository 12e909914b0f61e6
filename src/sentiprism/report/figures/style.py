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
"""Width in inches: one column of a two-column page."""
SIZE = 7.0
"""Size of the smallest text in points, at that width."""
LINE = 0.125
"""Line height of this text in inches."""
MARGIN = 0.06
"""Margin in inches left of title and notes."""
PAD = 0.03
"""Space in inches above and below them."""
GAP = 0.3
"""Width in inches of an entry in the key in addition to its name: marker and spaces."""

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000", "#F0E442")
"""Colours of Okabe and Ito (2008), darker ones first."""
MODALITY = dict(zip(("text", "audio", "vision"), OKABE_ITO, strict=False))
DIVERGING = ("#08519C", "#3182BD", "#9ECAE1", "#969696", "#FDAE6B", "#E6550D", "#A63603")
"""Negative is blue, neutral grey, positive orange: distinguishable with all kinds of colour vision."""
MARKERS = "os^Dv"

FORMATS: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None, "Creator": "sentiprism", "Producer": None},
    ".svg": {"Date": None, "Creator": "sentiprism"},
    ".png": {"Software": None},
}
"""Metadata by suffix, without the time of writing."""

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
    "pdf.fonttype": 42,  # TrueType fonts, which journals require
    "svg.fonttype": "path",
    "svg.hashsalt": "sentiprism",
}

_waiting: list[ExitStack | None] = []
"""For each figure that is being drawn, the stack that ends its style; None once it has begun."""


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in this style, independent of the user's settings of matplotlib.

    The style begins with the first drawn part, so that errors are raised before matplotlib is imported.

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
    """Check that a figure can be written to ``path``, and return it.

    Raises:
        UserError: its suffix is not a known format, or a file is in the way.
        OSError: it is not writable.
    """
    path = Path(path)
    if path.suffix not in FORMATS:
        raise UserError(f"{path} does not end with a figure format", f"end it with one of: {', '.join(FORMATS)}")
    check_writable(path)
    return path


def save(figure: "Figure", path: Path | str) -> None:
    """Write a figure atomically: PDF and SVG as vectors with fonts, PNG with 300 dots per inch.

    Raises:
        UserError: the suffix is not ``.pdf``, ``.svg`` or ``.png``.
    """
    path = check_target(path)
    with _style(), atomic_file(path) as temporary:
        figure.savefig(temporary, metadata=FORMATS[path.suffix])


def canvas(title: str, notes: Sequence[str], height: float, key: "Mapping[str, Artist] | None" = None) -> "Figure":
    """Make an empty figure with a title and a key above, and notes below.

    Args:
        title: title in bold, on one or two lines.
        notes: notes in small print.
        height: height of the axes in inches.
        key: marker of each name, see `patch` and `dot`; in as many columns as fit.
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
    """Marker of an area for the key."""
    _begin_style()
    from matplotlib.patches import Patch

    return Patch(color=colour, linewidth=0)


def dot(colour: str, marker: str, line: Literal["none", "-"] = "none") -> "Artist":
    """Marker of points, or of a line with points, for the key."""
    _begin_style()
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, marker=marker, linestyle=line, markersize=4, markeredgewidth=0)


def headline(run: Run, split: str) -> str:
    """Model, dataset and split."""
    return f"{run.config.model} on {short_name(run.config.dataset)}, {split}"


def seeds_note(seeds: Sequence[int]) -> str:
    """Note on the seeds of a figure."""
    together = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    listed = f"{seeds[0]} to {seeds[-1]}" if together else ", ".join(map(str, seeds))
    return f"seed{'s' * (len(seeds) > 1)} {listed}"


def run_notes(run: Run, seeds: Sequence[int], more: str = "") -> list[str]:
    """Notes on the seeds of a figure, followed by ``more``, and on the selection of their epochs."""
    return [f"{seeds_note(seeds)}{more}", selection_note(run)]


def selection_note(run: Run) -> str:
    """Note on the selection of each seed's epoch."""
    rule = selection_of(run, run.protocol).partition(";")[0]
    return f"selected: {rule}"


def colours(names: Sequence[str], *, ordered: bool = False) -> list[str]:
    """One colour per name: the modality's if it is one; ordered classes go from blue over grey to orange."""
    if ordered:
        keep = {1: (3,), 2: (1, 5), 3: (1, 3, 5), 5: (0, 2, 3, 4, 6), 7: range(7)}
        if len(names) in keep:
            return [DIVERGING[i] for i in keep[len(names)]]
    own = {name: next((MODALITY[m] for m in MODALITY if m in name.split(".")), None) for name in names}
    free = (colour for colour in OKABE_ITO * len(names) if colour not in own.values())
    return [own[name] or next(free) for name in names]


def fitted(text: str, inches: float, size: float = SIZE) -> str:
    """Wrap a text after dots, underscores and spaces if it is longer than ``inches``."""
    return _wrapped(text.replace(".", ".\0").replace("_", "_\0"), size, inches=inches).replace("\0", "")


def _wrapped(text: str, size: float, *, bold: bool = False, inches: float = WIDTH - 2 * MARGIN) -> str:
    """Wrap to lines of at most ``inches``, at spaces and zero characters."""
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
    """Number of columns of the key that fit with these names."""
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
