"""The command line itself: its help, wrong usage, any terminal, and what it says is here."""

import json
import subprocess
import sys

import pytest

from makers_cli import ended
from sentiprism.cli.tables import side_by_side

VERBS = (
    "agreement",
    "models",
    "train",
    "evaluate",
    "compare",
    "robustness",
    "calibrate",
    "reproduce",
    "ablate",
    "modalities",
    "results",
    "explain",
    "tune",
    "bench",
    "doctor",
    "demo",
    "dataset add",
    "dataset list",
    "dataset show",
    "dataset remove",
    "figure weights",
    "figure gates",
    "figure confusion",
    "figure tsne",
    "figure attention",
    "figure robustness",
    "figure reliability",
    "figure runs",
)
HEAVY = ("torch", "pyarrow", "transformers", "numpy", "scipy", "accelerate", "matplotlib", "captum", "optuna")


def test_help_imports_nothing_heavy():
    helps = [["--help"], *([*verb.split(), "--help"] for verb in VERBS)]
    code = (
        "import sys\nfrom sentiprism.cli.main import main\n"
        f"for words in {helps!r}:\n    sys.argv = ['sentiprism', *words]\n    assert main() == 0, words\n"
        f"print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_examples_that_fit_the_terminal(cli, verb):
    answer = cli(*verb.split(), "--help")
    lines = [line.strip() for line in answer.out.splitlines()]
    start, end = lines.index("Examples:"), next(n for n, line in enumerate(lines) if line.startswith("╭"))
    examples = [line for line in lines[start + 1 : end] if line]
    assert answer.status == 0
    assert examples
    assert all(example.startswith(f"sentiprism {verb}") for example in examples)  # and none goes on in a second line


def test_version(cli):
    from sentiprism import __version__

    assert cli("--version") == (0, f"sentiprism {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["modles"], "did you mean 'models' or 'modalities'?"),
        (["dataset", "ad"], "did you mean 'add'?"),
        (["train", "mdf", "--datset", "mosi"], "--dataset"),
        (["train", "mdf", "--seeds", "none"], "--seeds should be a whole number"),
        (["evaluate"], "RUN"),
    ],
)
def test_wrong_usage_is_one_line_with_the_near_match(refused, words, expected):
    line = refused(*words)
    assert expected in line
    assert "--help" in line


def test_models(cli):
    models = {row["name"]: row for row in json.loads(cli("models", "--json").out)}
    assert models["mdf"]["year"] == 2026
    assert models["mdf"]["parameters"] > 100_000
    assert {"mosi", "mosei"} <= set(models["mdf"]["experiments"])
    assert "mdf" in cli("models").out


def test_one_model_is_shown_with_its_deviations(cli):
    shown = cli("models", "mdf").out
    assert "AAAI 2026" in shown
    assert "the paper                 BERT(X_t)[0]" in shown
    found = json.loads(cli("models", "mdf", "--json").out)
    assert found["year"] == 2026
    assert {"place": "Eq. 1", "paper": "BERT(X_t)[0]"}.items() <= found["deviations"]["rows"][0].items()


@pytest.mark.parametrize(("columns", "tables"), [(40, 4), (80, 2), (160, 1)])
def test_runs_side_by_side_are_legible_at_any_width(columns, tables, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    runs = {f"run-{n}": [(f"1.{n}23 ± 0.456", "[-1.234, 5.678]")] * 2 for n in range(4)}
    side_by_side("Title", ["Acc-2 (has0) ↑", "MAE ↓"], runs, "Caption")
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    assert out.count("Title") == tables
    assert out.count("Caption") == 1
    for n in range(4):
        assert f"run-{n}" in out
        assert out.count(f"1.{n}23 ± 0.456") == 2  # no number is broken in two
    assert out.count("[-1.234, 5.678]") == 8


def test_doctor_says_what_is_missing_without_a_network(cli, home, monkeypatch):
    from huggingface_hub import constants

    from sentiprism.assets.sources import hub_responds

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub_responds.cache_clear()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for variable in ("SENTIPRISM_ASSET_MINILM", "SENTIPRISM_ASSETS"):
        monkeypatch.delenv(variable, raising=False)
    answer = cli("doctor", "--json")
    hub_responds.cache_clear()
    found = json.loads(answer.out)
    assert answer.status == 0
    assert found["data"]["home"] == str(home)
    assert found["data"]["free_bytes"] > 0
    assert found["torch"]["devices"][0] == "cpu"
    assert {package["name"]: package["extra"] for package in found["packages"]}["h5py"] == "csd"
    assert [source["answers"] for source in found["sources"]] == [False, False]
    assert {asset["name"]: asset["state"] for asset in found["assets"]}["minilm"] == "absent"
    (line,) = (line for line in found["missing"] if line.startswith("asset minilm is absent"))
    assert "connect to the internet" in line
    assert "sentiprism doctor --fetch minilm" in line
    assert line not in found["optional"]
    assert [one for one in found["optional"] if "the store has no dataset" in one]
    assert {*found["optional"]} <= {*found["missing"]}
    assert not home.exists()  # looking changes nothing


def test_doctor_is_one_line_a_row_on_80_columns_and_ends_with_what_to_do_next(cli, home, monkeypatch):
    from sentiprism.assets.pinned import ASSETS
    from sentiprism.data.synthetic import synthetic_dataset
    from sentiprism.environment import OFFLINE

    monkeypatch.setenv(OFFLINE, "1")
    for asset in ASSETS.values():
        monkeypatch.delenv(asset.variable, raising=False)
    shown = cli("doctor")
    assert (shown.status, shown.err) == (0, "next: sentiprism demo\n")
    here, parts = shown.out.split("Packages\n")
    for part in ("Python", "torch", str(home), "not checked, since SENTIPRISM_OFFLINE is set"):
        assert part in here
    lines = parts.splitlines()
    assert max(map(len, lines)) <= 80
    for asset in ASSETS.values():
        rows = [line.split() for line in lines if line.startswith(asset.name)]
        assert [row[1] for row in rows] == ["absent", "absent"]
        assert rows[0][-1] == asset.licence
        assert rows[1][2:] == ["sentiprism", "doctor", "--fetch", asset.name]
    assert "sentiprism[" not in shown.out  # which is on no index
    long = cli("doctor", "--long").out.split("Packages\n")[1]
    assert max(map(len, long.splitlines())) <= 80
    assert "MediaPipe's face landmarker" in long
    assert "MediaPipe's face landmarker" not in shown.out
    synthetic_dataset("tiny", sizes=(4, 2, 2))
    assert cli("doctor").err == "next: sentiprism train mdf --dataset tiny\n"


def test_doctor_fetches_and_checks_an_asset(cli, minilm):
    answer = cli("doctor", "--fetch", "minilm")
    assert answer.status == 0
    assert str(minilm) in answer.out


def test_listings_are_one_line_a_row_on_80_columns(cli, finished):
    from sentiprism.models import list_models

    shown = cli("models").out.splitlines()
    assert max(map(len, shown)) <= 80
    rows = [line for line in shown if line.partition(" ")[0] in list_models()]
    assert [row.partition(" ")[0] for row in rows] == list_models()
    assert len(shown) - len(rows) <= 6  # title, heads, rule, caption
    assert "Disentanglement" not in "".join(shown)
    long = cli("models", "--long").out
    assert max(map(len, long.splitlines())) <= 80
    assert "Disentanglement" in long
    listed = cli("dataset", "list").out.splitlines()
    assert max(map(len, listed)) <= 80
    assert [line.split()[0] for line in listed[3:4]] == ["tiny"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_another_encoding_than_utf8_does_no_harm(process, finished, encoding):
    plain = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    code = ended(process("dataset", "show", "tiny", **plain))
    assert (code.status, code.err) == (0, "next: sentiprism train mdf --dataset tiny\n")
    assert "##" in code.out
    assert "error: no dataset is called" in ended(process("dataset", "show", "ти", **plain)).error


def test_on_a_terminal_the_help_is_coloured_and_data_are_not(tmp_path):
    """The one place where escape sequences are let through is rich, which typer's help is drawn with."""
    import os
    import pty

    main, own = pty.openpty()
    words = [sys.executable, "-m", "sentiprism"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    for more in (["--help"], ["evaluate", "\x1b[31mnowhere\x1b[2J"]):
        subprocess.run([*words, *more], stdout=own, stderr=own, cwd=tmp_path, env=environment, check=False)
    os.close(own)
    shown = b""
    while True:
        try:
            shown += os.read(main, 100_000)
        except OSError:  # all is read, and nobody writes any more
            break
    os.close(main)
    help_, _, error = shown.partition(b"error: ")
    assert b"\x1b[1m" in help_
    assert b"\\x1b[31mnowhere\\x1b[2J" in error
    assert b"\x1b" not in error
