"""Names that can be folders, where the program keeps its files, and what is in them."""

import pytest

from sentiprism.errors import UserError
from sentiprism.files import home, safe_name, sha256


@pytest.mark.parametrize("name", ["mosi", "ch-sims_v2.0", "数据", "a" * 60, "1"])
def test_names_that_can_be_folders(name):
    assert safe_name(name, "dataset name") == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "../up", "a/b", "a\\b", "a b", "a\nb", "a\0b", "~", "a:b", "a" * 61, "\udc80"]
)
def test_names_that_cannot(name, tmp_path):
    with pytest.raises(UserError, match=r"^dataset name .* not usable as a folder name") as error:
        safe_name(name, "dataset name")
    assert "\n" not in str(error.value)


def test_home_is_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv("SENTIPRISM_HOME", str(tmp_path))
    assert home("datasets", "mosi") == tmp_path / "datasets" / "mosi"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SENTIPRISM_HOME", "~/here")
    assert home() == tmp_path / "here"


@pytest.mark.parametrize("value", [None, ""])
def test_home_is_the_systems_place_without_it(monkeypatch, value, tmp_path):
    monkeypatch.delenv("SENTIPRISM_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("SENTIPRISM_HOME", value)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home().name == "sentiprism"
    assert home().is_absolute()
    assert not home().exists()


def test_sha256_is_that_of_the_content(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
