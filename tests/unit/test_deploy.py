"""The container of the server: without root, read-only, with all assets inside. Docker itself is not run."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from makers_cli import parse
from sentiprism.assets.pinned import ASSETS
from sentiprism.environment import NO_TELEMETRY

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def stages() -> list[list[tuple[str, str]]]:
    """Instructions of each stage of the Dockerfile."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: list[list[tuple[str, str]]] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        name, _, value = line.partition(" ")
        if name == "FROM":
            found.append([])
        if line:
            found[-1].append((name, value))
    return found


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def values(stage: list[tuple[str, str]], name: str) -> list[str]:
    return [value for instruction, value in stage if instruction == name]


def environment(stage: list[tuple[str, str]]) -> dict[str, str]:
    return dict(word.split("=", 1) for line in values(stage, "ENV") for word in shlex.split(line))


def test_the_image_runs_without_root(stages):
    last = stages[-1]
    (user,) = values(last, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    names = [name for name, _ in last]
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :]), "nothing is made as root afterwards"
    assert all("ADD" not in {name for name, _ in stage} for stage in stages), "nothing is fetched by address"


def test_the_image_has_its_assets_and_is_offline(stages):
    build, last = stages
    fetched = set(re.findall(r"doctor --fetch ([\w-]+)", " ".join(values(build, "RUN"))))
    assert fetched == {"minilm", "face-landmarker", "whisper-base"}
    assert fetched <= ASSETS.keys()
    assert environment(last)["SENTIPRISM_ASSETS"] == environment(build)["SENTIPRISM_ASSETS"]
    assert f"--from=build {environment(build)['SENTIPRISM_ASSETS']}" in " ".join(values(last, "COPY"))
    assert environment(last)["SENTIPRISM_OFFLINE"] == "1"
    assert environment(last)["SENTIPRISM_HOME"].startswith("/tmp/")  # noqa: S108 - in the container
    assert NO_TELEMETRY, "set by the program itself"


def test_the_command_is_one_of_the_program(stages, compose):
    last = stages[-1]
    words = [word for name in ("ENTRYPOINT", "CMD") for word in json.loads(values(last, name)[0])]
    given = parse(words[1:])
    assert given["host"] == "0.0.0.0"  # noqa: S104 - in the container
    assert str(given["keys"]) == "/run/secrets/" + compose["services"]["serve"]["secrets"][0]["target"]
    assert f"127.0.0.1:{given['port']}:{given['port']}" in compose["services"]["serve"]["ports"]
    assert values(last, "EXPOSE") == [str(given["port"])]
    assert f"http://127.0.0.1:{given['port']}/ready" in values(last, "HEALTHCHECK")[0]
    assert int(compose["services"]["serve"]["stop_grace_period"].removesuffix("s")) > given["drain"]


def test_what_is_copied_is_there(stages):
    copied = [word for line in values(stages[0], "COPY") for word in line.split()[:-1]]
    assert copied
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in allowed
    assert allowed[1] == "*"


def test_the_container_is_confined(compose):
    service = compose["services"]["serve"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "10001:10001"
    assert not {"privileged", "network_mode", "pid", "volumes", "devices"} & service.keys()
    assert [entry.partition(":")[0] for entry in service["tmpfs"]] == ["/tmp"]  # noqa: S108 - in the container
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (DEPLOY / compose["services"]["serve"]["build"]["context"]).resolve() == ROOT
    ignored = (DEPLOY / ".gitignore").read_text(encoding="utf-8").split()
    assert compose["secrets"]["keys"]["file"] in ignored, "keys are not committed"
