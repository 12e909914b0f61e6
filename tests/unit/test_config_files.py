"""Files of configurations: what is dumped is read back, and what is broken or would not end is one line."""

import os
from itertools import pairwise

import pytest

from makers_config import run
from sentiprism.config import dump, override
from sentiprism.errors import UserError
from sentiprism.training.config import RunConfig
from sentiprism.yaml_files import load_yaml


def test_what_is_dumped_is_read_back(tmp_path):
    config = run(
        seeds=3,
        config={"modalities": ["text", "audio"], "loss_weights": {"o": 0.0}, "audio_hidden": None},
        optim={"lr": 5e-5, "group_lr": {"default": 1e-8}, "clip": None},
        data={"text": {"encoder": "Ünïcode: 名"}},
    )
    (tmp_path / "run.yaml").write_text(dump(config), encoding="utf-8")
    assert RunConfig.parse(load_yaml(tmp_path / "run.yaml")) == config


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.0e-3", "1.e-3", ".1e-2", "+1e-3", "0.001", "10e-4"])
def test_numbers_in_a_file_may_be_written_as_people_write_them(tmp_path, text):
    (tmp_path / "run.yaml").write_text(f"model: mdf\ndataset: mosi\noptim: {{lr: {text}}}\n")
    read = load_yaml(tmp_path / "run.yaml")
    assert type(read["optim"]["lr"]) is float
    assert RunConfig.parse(read).optim.lr == 1e-3


@pytest.mark.parametrize("text", ["1e-3", "-1E5", "12e4", ".5e+1", "1e", "e5", "1e5x", "0.5", "1_0", "true", "null"])
def test_texts_that_look_like_numbers_stay_texts(tmp_path, text):
    (tmp_path / "run.yaml").write_text(dump(run(dataset=text, config={"names": [text]})))
    read = load_yaml(tmp_path / "run.yaml")
    assert (read["dataset"], read["config"]) == (text, {"names": [text]})


def test_a_number_in_quotes_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "run.yaml").write_text("model: mdf\ndataset: mosi\noptim: {lr: '1e-3'}\n")
    with pytest.raises(UserError, match=r"run: optim\.lr should be a number, not a text; write it without quotes"):
        RunConfig.parse(load_yaml(tmp_path / "run.yaml"), "run")


def test_yaml_never_makes_python_objects(tmp_path):
    witness = tmp_path / "witness"
    (tmp_path / "run.yaml").write_text(f"model: !!python/object/apply:os.mkdir ['{witness}']\n")
    with pytest.raises(UserError, match="cannot be read: line 1: could not determine a constructor"):
        load_yaml(tmp_path / "run.yaml")
    with pytest.raises(UserError, match="is not YAML"):
        override({}, [f"model=!!python/object/apply:os.mkdir ['{witness}']"])
    assert not witness.exists()


@pytest.mark.parametrize(
    "content",
    [b"a: b: c\n", b"a: [1\nb: 2\n", b"a: !!bool x\n", b"a: 2020-13-45\n", b"[" * 1200, b"a: 1\nb: 2\na: 3\n"],
)
def test_a_broken_file_is_one_line_that_names_it(tmp_path, content):
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.yaml cannot be read: .*; fix the file") as error:
        load_yaml(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["#", "- a\n- b\n", "text", "3"])
def test_a_file_without_a_mapping_is_refused(tmp_path, content):
    (tmp_path / "list.yaml").write_text(content)
    with pytest.raises(UserError, match=r"list\.yaml is not a mapping"):
        load_yaml(tmp_path / "list.yaml")


def test_a_path_that_is_no_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no file .*absent\.yaml; check the path"):
        load_yaml(tmp_path / "absent.yaml")
    with pytest.raises(UserError, match="is a folder"):
        load_yaml(tmp_path)


def bomb(levels: int) -> str:
    names = [chr(ord("a") + n) for n in range(levels)]
    lines = [f"{name}: &{name} [{', '.join(['*' + before] * 9)}]" for before, name in pairwise(names)]
    return "\n".join(["a: &a [x]", *lines])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (bomb(20), "aliases"),
        ("a: &a [*a]", "aliases"),
        ("<<: {a: 1}", "merge keys"),
        ("[" * 100_000, "nested more than 64 levels"),
        ("\n".join(" " * n + "a:" for n in range(200)), "nested more than 64 levels"),
        ("a: 1\nb: {c: 1, c: 2}", "line 2: a key is written twice"),
        ("a: " + "x" * 2**18, "the limit for a configuration is 262 kB"),
    ],
)
def test_a_file_that_would_not_end_is_one_line(tmp_path, text, cause):
    (tmp_path / "endless.yaml").write_text(text)
    with pytest.raises(UserError, match=cause) as error:
        load_yaml(tmp_path / "endless.yaml")
    assert len(str(error.value)) < 400


def test_a_file_is_a_regular_one(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name in ("pipe.yaml", "zero.yaml"):
        with pytest.raises(UserError, match="is not a regular file"):
            load_yaml(tmp_path / name)
