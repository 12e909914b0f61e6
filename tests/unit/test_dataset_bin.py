"""A deleted dataset is kept in a bin, and comes back as it was."""

import re

import pytest

from makers_store import utterance, write
from makers_studio import files_below, needs_unix, serving
from sentiprism.data.store import list_names, load_dataset
from sentiprism.studio.datasets import identify_dataset

pytestmark = needs_unix


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as opened:
        yield opened


def fill(name: str = "talks", text: str = "so") -> str:
    """Write a dataset; the address of its page."""
    write([(split, utterance(split, text=text)) for split in ("train", "valid", "test")], name)
    return f"/data/{identify_dataset(name)}"


def binned(page: str) -> list[str]:
    return re.findall(r'name="dataset" value="(\w+)"', page)


def test_a_deleted_dataset_is_asked_for_twice_and_comes_back(server):
    address = fill()
    content = load_dataset("talks").card.content
    asked = server.post(f"{address}/delete").text
    assert "Delete the dataset talks?" in asked
    assert f'action="{address}/delete"' in asked
    assert list_names() == ["talks"]
    assert server.post(f"{address}/delete", {"sure": "yes"}).headers["location"] == "/data"
    assert list_names() == []
    assert server.get(address).status == 404
    assert "The bin has 1 dataset<" in server.get("/data").text
    (one,) = binned(server.get("/data/bin").text)
    server.post("/data/bin/restore", {"dataset": one})
    assert load_dataset("talks").card.content == content
    assert server.get(address).status == 200
    assert server.post("/data/bin/restore", {"dataset": one}).status == 422, "it is there already"


def test_a_name_that_was_given_again_is_not_written_over(server):
    for text in ("first", "second"):
        server.post(f"{fill(text=text)}/delete", {"sure": "yes"})
    fill(text="third")
    both = binned(server.get("/data/bin").text)
    assert len(both) == 2
    for one in both:
        assert "nother dataset is called talks" in server.post("/data/bin/restore", {"dataset": one}).text
    assert load_dataset("talks").train.utterance(0).text == "third"


def test_the_bin_is_emptied_after_a_second_question(server, tmp_path):
    server.post(f"{fill()}/delete", {"sure": "yes"})
    assert "for good?" in server.post("/data/bin/empty").text
    assert files_below(tmp_path / "home" / "studio" / "bin")
    server.post("/data/bin/empty", {"sure": "yes"})
    assert files_below(tmp_path / "home" / "studio" / "bin") == []
    assert "The bin is empty" in server.get("/data/bin").text


@pytest.mark.parametrize("name", ["../../home", "..", "", "x/y", "\x00"])
def test_no_path_is_restored(server, tmp_path, name):
    fill()
    before = files_below(tmp_path)
    assert server.post("/data/bin/restore", {"dataset": name}).status == 422
    assert files_below(tmp_path) == before
