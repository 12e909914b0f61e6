"""What answers are owed to, and the search of settings, as a user meets them."""

import json
import re

import pytest

from makers_cli import assignments
from sentiprism.data.synthetic import synthetic_dataset


def test_explain_shows_modalities_and_how_far_weights_agree(cli, finished):
    out = cli("explain", finished, "--device", "cpu").out
    assert re.search(r"modality +shapley +occlusion +weights", out)
    for name in ("weights, shapley", "shapley, planted", "within"):
        assert name in out
    told = json.loads(cli("explain", finished, "--json", "--device", "cpu").out)
    assert len(told["utterances"]) == 16
    assert told["agreements"]["weights, shapley"]["all"].keys() == {"mean", "std", "low", "high"}


def test_explain_shows_one_utterance_down_to_its_frames(cli, finished):
    out = cli("explain", finished, "--id", "test-0000-1", "--device", "cpu").out
    assert re.search(r"modality +shapley +occlusion +weights", out)
    assert re.search(r"audio: [+-]\d\.\d{3} relative to its baseline", out)
    assert re.search(r"^0–\d +[+-]\d\.\d{3} +█", out, re.MULTILINE)
    told = json.loads(cli("explain", finished, "--id", "test-0000-1", "--json", "--device", "cpu").out)
    assert sum(told["accounts"]["shapley"].values()) == pytest.approx(told["answer"] - told["base"], abs=1e-6)
    line = cli("explain", finished, "--id", "test-0000-9", "--device", "cpu").error
    assert "no utterance of test is called 'test-0000-9'; did you mean" in line


def test_words_are_coloured_on_a_terminal_and_numbered_elsewhere(capsys, monkeypatch):
    import numpy as np

    from sentiprism.cli.explain import _show_words
    from sentiprism.explanation.steps import StepAttribution

    part = StepAttribution(("[CLS]", "not", "bad"), np.array([0.0, -0.5, 1.0]), 0.5, 1e-4)
    _show_words("text", part)
    assert "[CLS] not (-0.500) bad (+1.000)" in capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    _show_words("text", part)
    out = capsys.readouterr().out
    assert "48;2;33;102;172mbad" in out  # blue in full
    assert "48;2;101;42;0mnot" in out  # orange at half its strength


def test_a_text_is_shown_as_text_whatever_its_first_word(capsys):
    import numpy as np

    from sentiprism.cli.explain import _show_utterance
    from sentiprism.explanation.steps import StepAttribution, Steps

    values = np.array([0.5, -0.25])
    steps = {
        "text": StepAttribution(("0", "stars"), values, 0.25, 1e-4, words=True),
        "audio": StepAttribution(("0", "1"), values, 0.25, 1e-4),
    }
    accounts = {"shapley": {"text": 0.25, "audio": 0.25}}
    _show_utterance(Steps("u1", 1111, 0.5, None, 0.0, 0.0, accounts, steps))
    text, audio = capsys.readouterr().out.split("audio: ")
    assert "0 (+0.500) stars (-0.250)" in text
    assert re.search(r"^0 +\+0\.500 +█", audio, re.MULTILINE)


def test_tune_writes_settings_that_train_reads(cli, home):
    synthetic_dataset("tiny", sizes=(40, 16, 16))
    (home / "datasets" / "tiny" / "test.arrow").rename(home / "kept")
    answer = cli("tune", "mdf", "--dataset", "tiny", "--trials", 2, *assignments(), "--device", "cpu")
    assert answer.status == 0, answer
    assert "Best valid MAE" in answer.out
    assert "constant predictor: " in answer.out
    assert "MAE: mean absolute error" in answer.out
    assert "2 complete; one seed each, on valid" in answer.out
    assert answer.err.count("trial ") == 2
    (home / "kept").rename(home / "datasets" / "tiny" / "test.arrow")
    words = re.search(r"next: sentiprism (train --experiment \S+)", answer.err)[1].split()
    assert cli(*words, "--device", "cpu").status == 0
    line = cli("tune", "tmt", "--resume", "runs/tune-mdf-tiny").error
    assert line.startswith("error: --resume continues a study with its own settings")
    told = json.loads(cli("tune", "--resume", "runs/tune-mdf-tiny", "--trials", 2, "--json", "--device", "cpu").out)
    assert [trial["state"] for trial in told["trials"]] == ["complete", "complete"]


def test_processes_share_the_trials_of_a_study(process, home):
    synthetic_dataset("tiny", sizes=(40, 16, 16))
    words = ["tune", "mdf", "--dataset", "tiny", "--trials", "4", "--jobs", "2", *assignments(), "--json"]
    started = process(*words, "--device", "cpu")
    out, err = started.communicate(timeout=200)
    assert started.returncode == 0, err
    told = json.loads(out)
    assert [trial["number"] for trial in told["trials"]] == [0, 1, 2, 3]
    assert {trial["state"] for trial in told["trials"]} <= {"complete", "pruned"}
    assert err.count("trial ") == 4  # each once, whoever ran it
