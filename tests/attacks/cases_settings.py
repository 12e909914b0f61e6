"""Settings on the command line and in experiment files."""

from collections.abc import Callable
from pathlib import Path

from makers_attacks import DEEP, Case, content, specials

TRAIN = ("train", "mdf", "--dataset", "tiny", "--device", "cpu", "--out", "new", "--set")
EXPERIMENT = ("train", "--experiment", "e.yaml", "--device", "cpu", "--out", "new")
GOOD = "title: t\nsource: s\nselection: v\nrun:\n  model: mdf\n  dataset: tiny\n"

SETTINGS = {
    "no value": ("optim.epochs", "optim.epochs"),
    "no key": ("=3", "=3"),
    "an empty part": ("optim..epochs=3", "optim"),
    "a key that is none": ("optim.epocs=3", "'epochs'"),
    "a key of the model that is none": ("config.widht=8", "'width'"),
    "a key of 100,000 parts": (".".join("a" * 100_000) + "=1", "is not an assignment|nested"),
    "a value that is not YAML": ("optim.epochs={", "YAML"),
    "a value nested 100,000 deep": (f"optim.epochs={DEEP}", "nested|YAML"),
    "a value that is a Python object": ("optim.epochs=!!python/object/apply:os.system [touch x]", "YAML"),
    "a word where a number belongs": ("optim.epochs=many", "'many'"),
    "a list where a number belongs": ("optim.epochs=[1, 2]", "epochs"),
    "epochs below 1": ("optim.epochs=0", "epochs"),
    "10^20 epochs": ("optim.epochs=100000000000000000000", "epochs"),
    "epochs that are not whole": ("optim.epochs=2.5", "epochs"),
    "a batch of 0": ("optim.batch_size=0", "batch_size"),
    "a batch of 10^12": ("optim.batch_size=1000000000000", "batch_size"),
    "a negative rate": ("optim.lr=-0.1", "lr"),
    "a rate that is nan": ("optim.lr=.nan", "lr"),
    "an infinite rate": ("optim.lr=.inf", "lr"),
    "a metric that is none": ("optim.select=maee", "'mae'"),
    "a width of 10^6": ("config.width=1000000", "memory|width"),
    "a width of 10^12": ("config.width=1000000000000", "memory|width"),
    "a width of 10^400": ("config.width=1" + "0" * 400, "width"),
    "a negative width": ("config.width=-8", "width"),
    "a width of 0": ("config.width=0", "width"),
    "a negative weight of a loss": ("config.loss_weights.w=-1", "w"),
    "a weight of a loss that is nan": ("config.loss_weights.w=.nan", "w"),
    "a weight of a loss that is none": ("config.loss_weights.ww=1", "'w'"),
    "a dropout above 1": ("config.dropout=1.5", "dropout"),
    "a modality that is none": ("config.modalities=[text, smell]", "'smell'"),
    "no modality": ("config.modalities=[]", "modalit"),
    "a modality twice": ("config.modalities=[text, text]", "modalit|twice"),
    "a dropout of a modality above 1": ("data.modality_dropout=2", "modality_dropout"),
    "a model in the settings that is none": ("model=mdff", "'mdf'|model"),
    "a seed below 0": ("seeds=[-1]", "seed"),
    "a seed twice": ("seeds=[1, 1]", "seed"),
    "ESC in a value": ("optim.select=\x1b[31m", r"\\x1b|YAML"),
}


def linked(here: Path) -> None:
    """A billion laughs: nine levels of nine."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    (here / "e.yaml").write_text(GOOD + "\n".join(lines) + "\n")


def more(text: str) -> Callable[[Path], object]:
    return content("e.yaml", GOOD + text)


CASES = [
    *(Case("settings", name, (*TRAIN, setting), says) for name, (setting, says) in SETTINGS.items()),
    *specials("experiments", "e.yaml", EXPERIMENT),
    Case("experiments", "not YAML", EXPERIMENT, r"e\.yaml", content("e.yaml", "title: [x\n")),
    Case("experiments", "binary", EXPERIMENT, r"e\.yaml", content("e.yaml", bytes(range(256)))),
    Case("experiments", "a list", EXPERIMENT, "mapping|e.yaml", content("e.yaml", "- a\n- b\n")),
    Case(
        "experiments",
        "a Python object",
        EXPERIMENT,
        r"e\.yaml",
        more("x: !!python/object/apply:os.system [touch bitten]\n"),
    ),
    Case("experiments", "nested 100,000 deep", EXPERIMENT, r"e\.yaml", more(f"x: {DEEP}\n")),
    Case("experiments", "anchors that multiply", EXPERIMENT, r"e\.yaml", linked),
    Case("experiments", "an anchor that holds itself", EXPERIMENT, r"e\.yaml", more("x: &x [*x]\n")),
    Case("experiments", "an unknown key", EXPERIMENT, "'runs'", content("e.yaml", GOOD.replace("run:", "runs:"))),
    Case(
        "experiments",
        "a key that is missing",
        EXPERIMENT,
        "'dataset'",
        content("e.yaml", GOOD.replace("  dataset: tiny\n", "")),
    ),
    Case(
        "experiments", "a number where a name belongs", EXPERIMENT, "model", content("e.yaml", GOOD.replace("mdf", "7"))
    ),
    Case(
        "experiments",
        "a name of another type",
        EXPERIMENT,
        "model",
        content("e.yaml", GOOD.replace("model: mdf", "model: {a: b}")),
    ),
    Case("experiments", "a date that is none", EXPERIMENT, r"e\.yaml", more("x: 2020-13-45\n")),
    Case("experiments", "20 MB of spaces", EXPERIMENT, r"e\.yaml", content("e.yaml", GOOD + " " * 20_000_000)),
    Case("experiments", "an experiment by a path upwards", ("train", "--experiment", "../../../etc/passwd"), "passwd"),
]
