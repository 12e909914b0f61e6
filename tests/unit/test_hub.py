"""A model on the hub is named like a folder, at one commit, and is used without network once it is here."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from makers_analysis import features, saved_model
from makers_hub import TOKEN, FakeHub, files_of, running_hub
from sentiprism.assets import repository
from sentiprism.assets.hub_names import parse_repository
from sentiprism.environment import OFFLINE
from sentiprism.errors import UserError
from sentiprism.models import load_model
from sentiprism.models.artifact import annotate, describe_model, folder_of
from sentiprism.models.hub import pin_model
from sentiprism.training.transfer import find_weights

NAME = "hf://somebody/model"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a saved model with a tokenizer, and others that a repository has."""
    root = tmp_path_factory.mktemp("published")
    saved_model(root / "model", features(root / "bert"))
    others = {
        "README.md": b"# card\n",
        ".gitattributes": b"\n",
        "pytorch_model.bin": b"\x80\x04.",
        "train.py": b"1/0\n",
    }
    return files_of(root / "model") | others


@pytest.fixture
def hub(home: Path) -> Iterator[FakeHub]:
    with running_hub() as found:
        yield found


def test_a_branch_becomes_a_commit_and_a_copy_is_used_without_network(hub, published, home, capsys, monkeypatch):
    commit = hub.publish(published)
    model = load_model(NAME).model
    told = capsys.readouterr().err
    assert f"{NAME} is {commit[:12]} now; for the same files always: {NAME}@{commit}" in " ".join(told.split())
    assert model.name == "mdf"
    folder = folder_of(f"{NAME}@{commit}")
    assert find_weights(str(Path(NAME))) == folder  # the command line makes a path of it
    assert folder.is_relative_to(home)
    assert set(files_of(folder)) == {name for name in published if name.startswith(("config", "weights", "text/"))} | {
        "hub.json"
    }
    assert json.loads((folder / "hub.json").read_text())["repository"] == f"{NAME}@{commit}"

    def refuse(*_: object) -> None:
        raise AssertionError("connects")

    monkeypatch.setenv(OFFLINE, "1")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    asked = len(hub.asked)
    assert describe_model(folder_of(f"{NAME}@{commit}")).model == "mdf"
    assert pin_model(NAME) == f"{NAME}@{commit}"  # one process asks once
    repository._commit_of.cache_clear()
    with pytest.raises(
        UserError, match=f"forbids asking the hub for it; give a commit that is in the cache: .*{commit}"
    ):
        folder_of(NAME)
    with pytest.raises(UserError, match=r"somebody/other@a+ is not in the cache, and SENTIPRISM_OFFLINE forbids"):
        folder_of(f"hf://somebody/other@{'a' * 40}")
    assert len(hub.asked) == asked


def test_a_damaged_copy_is_copied_again_or_named(hub, published, monkeypatch):
    name = f"{NAME}@{hub.publish(published)}"
    folder = folder_of(name)
    whole = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(whole[:-1] + b"\x01")
    monkeypatch.setenv(OFFLINE, "1")
    with pytest.raises(UserError, match=r"the copy of .* is damaged: weights\.safetensors has a wrong checksum"):
        folder_of(name)
    monkeypatch.delenv(OFFLINE)
    assert (folder_of(name) / "weights.safetensors").read_bytes() == whole
    with pytest.raises(UserError, match="is a copy of a repository, which is not changed"):
        annotate(folder, calibration={})


def test_the_token_is_for_the_hub_alone_and_is_not_printed(hub, published, monkeypatch, capsys):
    commit = hub.publish(published, "me/private")
    hub.private["models", "me/private"] = True
    name = f"hf://me/private@{commit}"
    with pytest.raises(UserError, match=r"was not found on the Hugging Face hub, or is private; .* hf auth login"):
        folder_of(name)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(UserError) as error:
        folder_of(name)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    folder_of(name)
    assert {token for _, path, token in hub.asked[2:] if not path.startswith("/large")} == {TOKEN}
    assert "hf_" not in str(error.value) + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf://alone", "is not the name of a repository; write hf://OWNER/NAME@COMMIT"),
        ("hf://a/../b", "is not the name of a repository"),
        ("hf://a/b@../../x", "is not the name of a repository"),
        ("hf://a/b@", "is not the name of a repository"),
        ("hf://a/b?x=1", "is not the name of a repository"),
        ("hf://datasets/a/b", "is not a repository of models"),
        ("hf://datasets/a", "is not a repository of models"),
        ("hf://nobody/nothing", "hf://nobody/nothing was not found on the Hugging Face hub, or is private"),
        ("hf://somebody/model@other", "hf://somebody/model@other has no such revision"),
        ("hf://somebody/bert", "is not a model of sentiprism: it has config.json, model.safetensors"),
        ("hf://somebody/newer", r"newer version of sentiprism \(format 99, this one reads 2\); update sentiprism"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(hub, published, home, name, message):
    hub.publish(published)
    hub.publish({"config.json": b"{}", "model.safetensors": b"x"}, "somebody/bert")
    config = json.loads(published["config.json"]) | {"format": 99}
    hub.publish({**published, "config.json": json.dumps(config).encode()}, "somebody/newer")
    with pytest.raises(UserError, match=message):
        load_model(name)
    left = {one.name for one in (home / "hub").rglob("*") if one.is_file() and not one.name.endswith(".lock")}
    assert ("hub.json" in left) == ("newer" in name)
    assert bool(left) == ("newer" in name)


def test_names_are_told_from_paths():
    assert parse_repository("runs/mine") is None
    assert parse_repository(Path("runs/hf")) is None
    found = parse_repository("hf://me/x.y-z@feature/two")
    assert found is not None
    assert found.address("text/a b.json") == "me/x.y-z/resolve/feature%2Ftwo/text/a%20b.json"
    assert str(parse_repository("hf://datasets/me/x", "datasets")) == "hf://datasets/me/x"


def test_no_network_is_one_line(home, monkeypatch):
    with running_hub() as hub:
        from huggingface_hub import constants

        with socket.create_server(("127.0.0.1", 0)) as closed:
            monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(UserError, match=r"the Hugging Face hub does not respond for hf://a/b .*; check the"):
            folder_of("hf://a/b")
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        hub.publish({}, "a/b")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(UserError, match="HF_HUB_OFFLINE forbids asking the hub for it; unset HF_HUB_OFFLINE"):
            folder_of("hf://a/b")
