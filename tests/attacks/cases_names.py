"""Names of what is not there, options off their range, and places where nothing can be written."""

from pathlib import Path

from attacks.cases_labels import LABELS, ROWS, table
from makers_attacks import Case, content

OTHERS = (
    "evaluate {}",
    "compare {}",
    "robustness {}",
    "calibrate {}",
    "explain {}",
    "results {}",
    "train --resume {}",
    "tune --resume {}",
    "figure weights {}",
    "figure confusion {}",
    "figure runs {}",
    "analyze t.txt --model {}",
)
"""Commands that take the folder of a run, a study or a model."""


def words(form: str, name: str) -> tuple[str, ...]:
    return tuple(form.format(name).split())


TEXT = content("t.txt", "A good film.\n")
FILE = content("file", "dear to somebody")

CASES = [
    *(Case("names", form.format("no folder"), words(form, "nowhere"), "nowhere", TEXT) for form in OTHERS),
    *(
        Case("names", form.format("a file"), words(form, "file"), "file", lambda h: (TEXT(h), FILE(h)))
        for form in OTHERS
    ),
    *(
        Case(
            "names",
            form.format("a folder of something else"),
            words(form, "other"),
            "other",
            lambda h: (TEXT(h), (h / "other").mkdir(), FILE(h)),
        )
        for form in OTHERS
    ),
    Case("names", "a name with ESC", ("evaluate", "\x1b[31mred\x1b]0;t\x07"), r"\\x1b\[31mred"),
    Case("names", "a name with a line feed", ("evaluate", "a\nerror: b"), "error: a error: b|a\\\\n"),
    Case("names", "a name that turns letters round", ("evaluate", "\u202egnp.exe"), r"\\u202e"),
    Case("names", "a name of 100,000 letters", ("evaluate", "a" * 100_000), "aaa"),
    Case("names", "a name with markup", ("evaluate", "[bold red]x[/]"), r"\[bold red\]x\[/\]"),
    Case("names", "a name that is no Unicode", ("evaluate", "a\udcff"), r"a\\udcff"),
    Case("names", "an unknown command", ("evalute", "run"), "evaluate"),
    Case("names", "an unknown option", ("evaluate", "run", "--splti", "test"), "--split"),
    Case("names", "an unknown model", ("train", "mdff", "--dataset", "tiny"), "'mdf'"),
    Case("names", "a model that is a path", ("train", "../mdf", "--dataset", "tiny"), "mdf"),
    Case("names", "a model that is a module", ("train", "base", "--dataset", "tiny"), "'base'"),
    Case("names", "an unknown dataset", ("train", "mdf", "--dataset", "tinny"), "'tiny'"),
    Case("names", "an unknown experiment", ("train", "--experiment", "mdf/jian2026_mosy"), "mdf/jian2026_mosi"),
    Case("names", "an unknown split", ("evaluate", "run", "--split", "tets"), "'test'"),
    Case("names", "an unknown device", ("evaluate", "run", "--device", "cud"), "'cud'"),
    Case("names", "a device that is not here", ("evaluate", "run", "--device", "cuda:99"), "cuda:99"),
    Case("names", "an unknown precision", ("train", "mdf", "--dataset", "tiny", "--precision", "bf61"), "'bf16'"),
    Case("names", "an unknown metric", ("robustness", "run", "--metric", "maee", "--device", "cpu"), "'mae'"),
    Case(
        "names", "an unknown kind of corruption", ("robustness", "run", "--kind", "niose", "--device", "cpu"), "'noise'"
    ),
    Case("names", "an unknown modality", ("robustness", "run", "--modality", "txet", "--device", "cpu"), "'text'"),
    Case("names", "an unknown utterance", ("explain", "run", "--id", "nobody", "--device", "cpu"), "nobody"),
    Case("names", "an unknown format", ("compare", "run", "--format", "htm"), "html"),
    Case("names", "an unknown reference", ("compare", "run", "--reference", "nowhere"), "nowhere"),
    Case("names", "an unknown table", ("ablate", "mdf", "--table", "99", "--dataset", "mosi"), "99"),
    Case("names", "an unknown asset", ("doctor", "--fetch", "minilmm"), "'minilm'"),
    Case(
        "names", "a seed that the run lacks", ("explain", "run", "--seed", "7", "--id", "x", "--device", "cpu"), "7|x"
    ),
    Case("options", "no seeds", ("train", "mdf", "--dataset", "tiny", "--seeds", "0"), "seeds"),
    Case("options", "a billion seeds", ("train", "mdf", "--dataset", "tiny", "--seeds", "1000000000"), "seeds"),
    Case("options", "seeds that are a word", ("train", "mdf", "--dataset", "tiny", "--seeds", "many"), "seeds"),
    Case("options", "a level of 1", ("calibrate", "run", "--level", "1", "--device", "cpu"), "level"),
    Case("options", "a level of 0", ("calibrate", "run", "--level", "0", "--device", "cpu"), "level"),
    Case("options", "a level that is nan", ("calibrate", "run", "--level", "nan", "--device", "cpu"), "level"),
    Case(
        "options",
        "a level for which valid is too small",
        ("calibrate", "run", "--level", "0.999", "--device", "cpu"),
        "level|valid",
    ),
    Case("options", "one point on a curve", ("robustness", "run", "--points", "1"), "points"),
    Case(
        "options",
        "a trillion points on a curve",
        ("robustness", "run", "--points", "1000000000000", "--device", "cpu"),
        "points",
    ),
    Case("options", "no trials", ("tune", "mdf", "--dataset", "tiny", "--trials", "0"), "trials"),
    Case("options", "no jobs", ("analyze", "t.txt", "--jobs", "0"), "jobs", TEXT),
    Case("options", "a million jobs", ("tune", "mdf", "--dataset", "tiny", "--jobs", "1000000"), "processes"),
    Case("options", "an utterance of no length", ("analyze", "t.txt", "--longest", "0"), "longest", TEXT),
    Case("options", "an utterance of nan seconds", ("analyze", "t.txt", "--longest", "nan"), "longest", TEXT),
    Case("options", "which face", ("analyze", "t.txt", "--face", "smallest"), "largest", TEXT),
    Case("options", "a language that is none", ("analyze", "t.txt", "--language", "xx-klingon"), "language", TEXT),
    Case(
        "options",
        "a batch of a trillion",
        ("bench", "mdf", "--encoder", "bert-base", "--batch-size", "1000000000000"),
        "batch",
    ),
    Case(
        "options",
        "more threads than any machine has",
        ("bench", "mdf", "--encoder", "bert-base", "--threads", "100000000"),
        "threads",
    ),
    Case(
        "places", "a report below a file", ("analyze", "t.txt", "--out", "file/r"), "file", lambda h: (TEXT(h), FILE(h))
    ),
    Case(
        "places",
        "a report where a file is",
        ("analyze", "t.txt", "--out", "file"),
        "file",
        lambda h: (TEXT(h), FILE(h)),
    ),
    Case(
        "places",
        "a report where something else is",
        ("analyze", "t.txt", "--out", "o", "--replace"),
        "o ",
        lambda h: (TEXT(h), (h / "o").mkdir(), content("o/x", "x")(h)),
    ),
    Case("places", "a report in this folder", ("analyze", "t.txt", "--out", "."), "--out|out", TEXT),
    Case("places", "a report in /dev", ("analyze", "t.txt", "--out", "/dev/null/r"), "/dev/null", TEXT),
    Case(
        "places",
        "a run below a file",
        ("train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "file/r"),
        "file",
        FILE,
    ),
    Case(
        "places",
        "a run where one is",
        ("train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "run"),
        "run exists already",
    ),
    Case(
        "places",
        "a study below a file",
        ("tune", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "file/s"),
        "file",
        FILE,
    ),
    Case("places", "a page below a file", ("results", "run", "--out", "file/p.md"), "file", FILE),
    Case("places", "a page where a folder is", ("results", "run", "--out", "run"), "run"),
    Case("places", "a figure below a file", ("figure", "confusion", "run", "--out", "file/f.pdf"), "file", FILE),
    Case("places", "a figure of no known kind", ("figure", "confusion", "run", "--out", "f.exe"), "exe"),
    Case(
        "places",
        "rows of a table below a file",
        ("ablate", "mdf", "--table", "losses", "--dataset", "tiny", "--ours", "--out", "file/a"),
        "file|published numbers",
        FILE,
    ),
    Case("places", "a name too long for a file", ("results", "run", "--out", "a" * 300 + ".md"), "aaa"),
]


def _below(here: Path) -> None:
    """The store's own folder is a file."""
    table(ROWS)(here)
    (here / "../home/datasets").rename(here / "../home/other")
    (here / "../home/datasets").write_text("x")


CASES += [Case("places", "a store that is a file", LABELS, "datasets", _below)]
