"""``SENTIPRISM_OFFLINE``: one line in place of any connection; what is here already works."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from makers_analysis import saved_model, spec
from makers_assets import CONTENT, Shelf, offer, read
from sentiprism.analysis.batch import analyze_all
from sentiprism.analysis.inputs import find_inputs
from sentiprism.analysis.options import Options
from sentiprism.assets import sources
from sentiprism.assets.registry import fetch
from sentiprism.assets.sources import Address, Hub, Wheels
from sentiprism.cli.inventory import take_inventory
from sentiprism.environment import OFFLINE
from sentiprism.errors import UserError
from sentiprism.features.learned.networks import resolve_network
from sentiprism.media.whisper_models import resolve_whisper
from sentiprism.recipe import Network, Recipe
from sentiprism.text.tokens import resolve
from sentiprism.types import FeatureSpec

COMMIT = "a" * 40


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Whoever connects to the hub, the registry or an address, which are one server on this machine."""
    from huggingface_hub import constants

    seen: list[str] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            seen.append("somebody")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    here = f"http://127.0.0.1:{server.getsockname()[1]}"
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(constants, "ENDPOINT", here)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{here}/simple")
    monkeypatch.setenv("ADDRESS", here)
    sources.hub_responds.cache_clear()
    sources.hub_snapshot.cache_clear()  # what one test was given is not here in the next
    yield seen
    sources.hub_responds.cache_clear()
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, callers: list[str]) -> list[str]:
    monkeypatch.setenv(OFFLINE, "1")
    return callers


SOURCES: dict[str, Callable[[], sources.Source]] = {
    "hub": lambda: Hub("some/thing", COMMIT),
    "address": lambda: Address(f"{os.environ['ADDRESS']}/shelf"),
    "wheels": lambda: Wheels(("tiny-thing==1.0",), "tiny_thing/model"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_an_asset_is_not_fetched_and_one_line_says_why(source, cache, offline, monkeypatch):
    offer(monkeypatch, SOURCES[source]())
    with pytest.raises(UserError) as error:
        fetch("tiny-thing")
    assert str(error.value) == (
        "asset 'tiny-thing' is not downloaded, and SENTIPRISM_OFFLINE forbids downloading it; unset SENTIPRISM_OFFLINE,"
        " or set SENTIPRISM_ASSET_TINY_THING to a folder with config.json, part/weights.bin"
    )
    assert offline == []
    assert not (cache / "tiny-thing").exists()


@pytest.mark.parametrize("source", SOURCES)
def test_it_would_connect_otherwise(source, cache, callers, monkeypatch):
    offer(monkeypatch, SOURCES[source]())
    with pytest.raises(UserError, match="connect to the internet"):
        fetch("tiny-thing")
    assert callers


def test_an_asset_that_is_here_is_used(cache, offline, monkeypatch):
    monkeypatch.setenv(OFFLINE, "0")
    offer(monkeypatch, Shelf(CONTENT))
    fetch("tiny-thing")
    monkeypatch.setenv(OFFLINE, "1")
    assert read(fetch("tiny-thing")) == CONTENT


def test_a_damaged_asset_is_named_and_left_for_repair(cache, offline, monkeypatch):
    offer(monkeypatch, SOURCES["address"]())
    Shelf(CONTENT).deliver(CONTENT, 0, cache / "tiny-thing")
    (cache / "tiny-thing" / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"is damaged in .*config.json has a wrong checksum.*forbids downloading it"):
        fetch("tiny-thing")
    assert read(cache / "tiny-thing") == {**CONTENT, "config.json": b"{}"}
    assert offline == []


def test_what_the_hubs_library_has_cached_is_used(cache, offline, monkeypatch, tmp_path):
    offer(monkeypatch, SOURCES["hub"]())
    stored = tmp_path / "hub" / "models--some--thing" / "snapshots" / COMMIT
    Shelf(CONTENT).deliver(CONTENT, 0, stored)
    assert read(fetch("tiny-thing")) == CONTENT
    assert offline == []


@pytest.mark.parametrize(
    ("ask", "cause"),
    [
        (lambda: resolve("some/encoder"), "text encoder 'some/encoder' is not available: "),
        (lambda: resolve_network("some/network"), "network 'some/network' is not available: "),
        (lambda: resolve_whisper("small"), "speech model 'small' is not available: "),
        (lambda: resolve_whisper("some/whisper"), "speech model 'some/whisper' is not available: "),
    ],
)
def test_models_of_the_hub_are_not_downloaded(ask, cause, offline):
    with pytest.raises(UserError) as error:
        ask()
    why = "it was not downloaded before, and SENTIPRISM_OFFLINE forbids downloading it; give "
    assert str(error.value).startswith(f"{cause}{why}")
    assert offline == []


def test_a_model_of_the_hub_that_was_downloaded_is_used(offline, tmp_path):
    stored = tmp_path / "hub" / "models--some--encoder"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(COMMIT)
    Shelf({}).deliver({}, 0, stored)
    (stored / "snapshots" / COMMIT).mkdir(parents=True)
    (stored / "snapshots" / COMMIT / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert (resolve("some/encoder") / "config.json").is_file()
    assert offline == []


def test_a_commit_of_the_hub_that_is_here_is_not_asked_for_again(callers, tmp_path):
    """Whatever the hub has by now; without its weights it is not here."""
    stored = tmp_path / "hub" / "models--some--network" / "snapshots" / COMMIT
    stored.mkdir(parents=True)
    (stored / "config.json").write_text("{}")
    assert resolve_network("some/network", COMMIT) == (stored, COMMIT)
    assert callers
    callers.clear()
    sources.hub_snapshot.cache_clear()
    sources.hub_responds.cache_clear()
    (stored / "model.safetensors").write_bytes(b"")
    assert resolve_network("some/network", COMMIT) == (stored, COMMIT)
    assert callers == []


@pytest.mark.parametrize("variable", [OFFLINE, "HF_HUB_OFFLINE"])
def test_a_saved_model_of_a_network_that_is_not_here_is_refused_before_it_is_fed(
    variable, callers, tmp_path, monkeypatch, home
):
    from huggingface_hub import constants

    if variable == OFFLINE:
        monkeypatch.setenv(OFFLINE, "1")
    else:
        monkeypatch.setattr(constants, variable, True)
    network = Network(model="some/network", revision=COMMIT, rate=12.5)
    recipe = Recipe(extractor="hf-audio", columns=("state_0000",), units=("1",), rate=12.5, network=network)
    model = saved_model(tmp_path / "model", FeatureSpec(audio=spec(recipe)), "lf_dnn")
    (tmp_path / "talk.wav").write_bytes(b"no sound")  # it is not decoded
    outcomes = analyze_all(
        find_inputs([tmp_path / "talk.wav"], tmp_path / "report", None), Options(model=str(model), asr="none")
    )
    with pytest.raises(UserError) as error:
        next(outcomes)
    assert str(error.value) == (
        f"network 'some/network' is not available: it was not downloaded before, and {variable} forbids downloading "
        "it; give its folder"
    )
    assert callers == []


def test_doctor_asks_nobody(offline, home):
    assert [source["answers"] for source in take_inventory()["sources"]] == [False, False]
    assert offline == []


def test_every_command_refuses_a_broken_value(monkeypatch, capsys):
    import sys

    from sentiprism.cli.main import main

    monkeypatch.setenv(OFFLINE, "perhaps")
    monkeypatch.setattr(sys, "argv", ["sentiprism", "models"])
    assert main() == 2
    assert capsys.readouterr().err == "error: SENTIPRISM_OFFLINE='perhaps' is neither yes nor no; set it to 1 or 0\n"
