"""A mistake is answered before anything slow is imported, and what is there already is not made again."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from makers_analysis import features, saved_model
from makers_media import make_media, sine
from makers_report import review
from sentiprism.report.files import write_report

HEAVY = ("torch", "transformers", "accelerate", "mediapipe", "onnxruntime", "scipy", "librosa", "matplotlib", "optuna")
STARTS = ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec")
"""What a process that decodes would be started by."""
PROGRAM = """
import contextlib, io, json, sys
from multiprocessing import get_context
import sentiprism.analysis.batch, sentiprism.reproduction.results, sentiprism.report.figures, sentiprism.tuning.tune
from sentiprism.cli.main import main

started = []
sys.addaudithook(lambda event, _: started.append(event) if event in STARTS else None)

def run(words):
    started.clear()
    sys.argv, out, err = ["sentiprism", *words], io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main()
    return status, err.getvalue(), sorted(set(HEAVY) & sys.modules.keys()) + started

with get_context("fork").Pool(1, maxtasksperchild=1) as pool:
    print(json.dumps(pool.map(run, json.loads(sys.argv[1]), chunksize=1)))
"""
"""Runs command lines, each in a process of its own, which shares what needs no slow module."""

MISTAKES = {
    "analyze none.mp4": "there is no none.mp4",
    "analyze empty.mp4": "empty.mp4 is empty",
    "analyze empty": "no recordings or texts in empty",
    "analyze talk.txt --model none": "none is not a saved model",
    "analyze talk.txt --model run": "run is not a saved model",
    "analyze talk.txt --model run/seed-1111/model": "how its 16 audio features are made",
    "analyze talk.txt --face biggest": "choose one of: all, largest, speaking",
    "analyze talk.txt --language-mismatch eror": "did you mean 'error'",
    "analyze talk.txt --longest 0": "longest",
    "analyze talk.txt --asr bass": "no speech model is called 'bass'; did you mean 'base'",
    "analyze talk.txt --transcript none.srt": "there is no none.srt",
    "analyze talk.txt --out foreign": "foreign has other contents than a report",
    "analyze talk.txt --out there": "there has another report",
    "analyze talk.txt --jobs 0": "--jobs",
    "analyze talk.txt --jobs 100000000": "100,000,000 processes at once need",
    "analyze table.csv --column text=nope": "table.csv has no column 'nope'",
    "analyze table.csv --column nope=text": "no column is called 'nope'",
    "analyze badly.srt": "badly.srt line",
    "extract none --labels table.csv --dataset x --low 0 --high 1": "there is no folder none",
    "extract videos --labels none.csv --dataset x --low 0 --high 1": "none.csv",
    "extract videos --labels table.csv --dataset tiny --low 0 --high 1": "dataset 'tiny' exists already",
    "extract videos --labels table.csv --dataset ../x --low 0 --high 1": "'../x' is not usable",
    "extract videos --labels table.csv --dataset x": "give --low and --high",
    "extract videos --labels table.csv --dataset x --low 0 --high 1 --audio spech": "did you mean 'speech'",
    "extract videos --labels table.csv --dataset x --low 0 --high 1 --vision speech": "no vision extractor is called",
    "extract videos --labels table.csv --dataset x --low 0 --high 1 --per wrd": "did you mean 'word'",
    "extract videos --labels table.csv --dataset x --low 0 --high 1 --jobs 100000000": "100,000,000 processes at once",
    "extract videos --labels table.csv --dataset x --low 0 --high 1": "videos lacks 3 of 4 recordings",
    "extract videos --labels missing.csv --dataset x --low 0 --high 1": "has no recording of missing.csv",
    "dataset add x --labels none.csv --low 0 --high 1": "none.csv",
    "dataset add x --labels table.csv": "give --low and --high",
    "dataset add x --low 0 --high 1": "no source given",
    "dataset add tiny --labels table.csv --low 0 --high 9": "tiny exists already",
    "dataset add x --labels table.csv --low 5 --high 9": "is outside the range [5, 9]",
    "dataset add x --arrays table.csv --low 0 --high 9": "table.csv",
    "dataset show tny": "did you mean 'tiny'",
    "dataset remove tny": "did you mean 'tiny'",
    "train": "a run needs a model and a dataset",
    "train mfd --dataset tiny": "no model is called 'mfd'; did you mean",
    "train mdf --dataset tny": "no dataset is called 'tny'; did you mean 'tiny'",
    "train mdf --dataset tiny --experiment mdf/jian2025_mosi": "did you mean 'mdf/jian2026_mosi'",
    "train --experiment none.yaml": "none.yaml",
    "train --experiment table.csv": "no experiment is called 'table.csv'",
    "train mdf --dataset tiny --set optim.lrr=1": "unknown key 'optim.lrr'; did you mean 'lr'",
    "train mdf --dataset tiny --set optim.lr=fast": "optim.lr",
    "train mdf --dataset tiny --set optim.lr": "'optim.lr' is not an assignment",
    "train mdf --dataset tiny --set config.widht=3": "unknown key 'widht'; did you mean 'width'",
    "train mdf --dataset tiny --set 'optim.lr=\"0.1\"'": "optim.lr should be a number, not a text",
    "train mdf --dataset tiny --set optim.select=mea": "did you mean 'mae'",
    "train mdf --dataset tiny --set data.text.mode=frzen": "data.text.mode",
    "train mdf --dataset tiny --out run": "run exists already",
    "train mdf --dataset tiny --seeds 0": "--seeds",
    "train mdf --dataset tiny --device gpu": "no device is called 'gpu'",
    "train mdf --dataset tiny --precision half": "no precision is called 'half'",
    "train --resume foreign": "foreign is",
    "train --resume run --precision bf16": "precision no",
    "train --resume run mdf": "--resume",
    "evaluate foreign": "foreign is",
    "evaluate run --split tst": "did you mean 'test'",
    "evaluate run --device gpu": "no device is called 'gpu'",
    "compare run foreign": "foreign is",
    "compare run --reference other": "other",
    "compare run --format pdf": "pdf",
    "compare run --split tst": "did you mean 'test'",
    "robustness foreign": "foreign is",
    "robustness run --metric mea": "did you mean 'mae'",
    "robustness run --kind noize": "did you mean 'noise'",
    "robustness run --modality vison": "did you mean 'vision'",
    "robustness run --points 1": "--points",
    "calibrate foreign": "foreign is",
    "calibrate run --level 2": "level",
    "calibrate run --split valid": "measure their coverage on test",
    "calibrate run --split tst": "did you mean 'test'",
    "explain foreign": "foreign is",
    "explain run --split tst": "did you mean 'test'",
    "explain run --id nobody": "no utterance of test is called 'nobody'",
    "explain run --id nobody --seed 7": "seed 7 of run is not finished",
    "reproduce mfd --dataset mosi": "no model is called 'mfd'",
    "reproduce mdf": "give --dataset or --experiment",
    "reproduce mdf --dataset moso": "numbers of mdf on moso",
    "reproduce mdf --dataset mosi --table 9": "has no table '9'",
    "reproduce mdf --dataset mosi --table 2 --run foreign": "foreign is",
    "ablate mdf --table 9 --dataset mosi": "has no table '9'",
    "ablate mfd --table 2 --dataset mosi": "no model is called 'mfd'",
    "ablate mdf --table 2 --dataset mosi --rows 99": "the table has no row '99'",
    "results foreign": "foreign",
    "results run --reference mfd": "no model is called 'mfd'",
    "tune": "a study needs a model and a dataset",
    "tune mfd --dataset tiny": "no model is called 'mfd'",
    "tune mdf --dataset tny": "no dataset is called 'tny'",
    "tune mdf --dataset tiny --search optim.lr=3": "'optim.lr=3' is not a range",
    "tune mdf --dataset tiny --set optim.lrr=1": "unknown key 'optim.lrr'",
    "tune mdf --dataset tiny --set config.widht=3": "unknown key 'widht'; did you mean 'width'",
    "ablate mdf --table 2 --dataset tiny --experiment mdf/jian2026_mosi --set config.widht=3": "unknown key 'widht'",
    "tune mdf --dataset tiny --device gpu": "no device is called 'gpu'",
    "tune --resume foreign": "foreign is no",
    "bench mfd": "no model is called 'mfd'",
    "bench mdf --only bare": "bare",
    "bench mdf --encoder nope --only real": "nope",
    "bench mdf --precision half": "no precision is called 'half'",
    "figure weights foreign": "foreign is",
    "figure weights run --out w.gif": "w.gif",
    "figure weights run --split tst": "did you mean 'test'",
    "figure tsne run --by clas": "did you mean 'class'",
    "figure runs run --metric mea": "did you mean 'mae'",
    "figure runs run --over optim.lrr": "did you mean 'lr'",
    "figure robustness run --metric mea": "did you mean 'mae'",
    "figure weights run --seed 7": "seed 7 of run is not finished",
    "doctor --fetch minlm": "did you mean 'minilm'",
    "demo --seeds 0": "--seeds",
    "shwo": "shwo",
    "train mdf --datset tiny": "--dataset",
}


@pytest.fixture
def place(finished, tmp_path):
    """Beside a finished run of the dataset ``tiny``: files and folders that mistakes name."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "talk.txt").write_text("so good\n")
    (tmp_path / "badly.srt").write_text("1\n00:00:01,000 --> soon\nso good\n")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.doc").write_text("dear")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.wav").write_bytes(b"RIFF")
    (tmp_path / "table.csv").write_text("file,text,label\n" + "".join(f"{name},words,0.5\n" for name in "abcd"))
    (tmp_path / "missing.csv").write_text("file,label\nx,0\ny,0\nz,0\n")
    write_report(review(), tmp_path / "there")
    return tmp_path


def run(place, commands):
    """Status, message, and slow modules and processes of each command."""
    program = f"HEAVY, STARTS = {HEAVY!r}, {STARTS!r}\n{PROGRAM}"
    environment = {**os.environ, "SENTIPRISM_HOME": str(place / "home"), "COLUMNS": "200"}
    words = json.dumps([shlex.split(command) for command in commands])
    started = [sys.executable, "-c", program, words]
    done = subprocess.run(started, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_mistake_is_refused_before_anything_slow_is_imported(place):
    found = dict(zip(MISTAKES, run(place, MISTAKES), strict=True))
    assert {command: one for command, one in found.items() if not _as_expected(MISTAKES[command], *one)} == {}


def _as_expected(reason, status, message, heavy):
    return status == 2 and message.startswith("error: ") and reason in message and not heavy


def test_reports_that_are_there_are_found_without_torch_and_without_decoding(cli, tmp_path):
    model = saved_model(tmp_path / "model", features(tmp_path / "text"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "review.txt").write_text("w1 w2. W3!\n")
    make_media(tmp_path / "in" / "tone.wav", samples=sine(1.0, 16_000))
    words = ["analyze", "in", "--model", str(model), "--asr", "none", "--out", "out", "--strict"]
    assert cli(*words).status == 0
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/*")}
    again, alone, other = run(
        tmp_path,
        [
            shlex.join(words),
            shlex.join(["analyze", "in/tone.wav", *words[2:6], "--out", "out/tone"]),
            shlex.join([*words, "--longest", "9"]),
        ],
    )
    assert again[::2] == [0, []]
    assert alone[::2] == [0, []]
    assert other[0] == 2
    assert other[2] == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/*")} == written
