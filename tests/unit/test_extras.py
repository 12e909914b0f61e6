"""What a remedy tells to install can be installed: the package is on no index."""

import json
import shlex
from importlib.metadata import PackageNotFoundError, PathDistribution
from pathlib import Path

import pytest

from sentiprism import extras

METADATA = """Metadata-Version: 2.4
Name: sentiprism
Version: 0.1.0
Requires-Dist: numpy>=1.26
Requires-Dist: optuna>=4.2 ; extra == 'tune'
Requires-Dist: matplotlib>=3.9; extra == "figures"
Requires-Dist: scikit-learn>=1.5; extra == "figures"
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Let the program have been installed from somewhere."""

    def make(origin: object) -> None:
        folder = tmp_path / "sentiprism-0.1.0.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(METADATA)
        if origin is not None:
            (folder / "direct_url.json").write_text(origin if isinstance(origin, str) else json.dumps(origin))
        monkeypatch.setattr(extras, "distribution", lambda _: PathDistribution(folder))

    return make


def test_a_checkout_is_named_as_it_was_installed(installed, tmp_path):
    checkout = tmp_path / "my checkout"
    checkout.mkdir()
    installed({"url": checkout.as_uri(), "dir_info": {"editable": True}})
    assert shlex.split(extras.install_extra("tune")) == ["pip", "install", "-e", f"{checkout}[tune]"]
    installed({"url": checkout.as_uri(), "dir_info": {}})
    assert shlex.split(extras.install_extra("tune")) == ["pip", "install", f"{checkout}[tune]"]


def test_a_wheel_is_named_while_it_is_there(installed, tmp_path):
    wheel = tmp_path / "sentiprism-0.1.0-py3-none-any.whl"
    wheel.touch()
    installed({"url": wheel.as_uri(), "archive_info": {}})
    assert shlex.split(extras.install_extra("figures")) == ["pip", "install", f"{wheel}[figures]"]
    wheel.unlink()
    words = shlex.split(extras.install_extra("figures"))
    assert words == ["pip", "install", "matplotlib>=3.9", "scikit-learn>=1.5"]


@pytest.mark.parametrize("origin", [None, "{", "[]", {"url": 3}, {"url": "https://a.org/x.whl"}, {"dir_info": {}}])
def test_without_a_place_an_extra_is_what_it_consists_of(installed, origin):
    installed(origin)
    assert shlex.split(extras.install_extra("tune")) == ["pip", "install", "optuna>=4.2"]


def test_a_checkout_that_is_not_installed_is_named_by_its_path(monkeypatch):
    def absent(_: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(extras, "distribution", absent)
    root = Path(extras.__file__).parents[2]
    assert (root / "pyproject.toml").is_file()
    assert shlex.split(extras.install_extra("media")) == ["pip", "install", "-e", f"{root}[media]"]
