"""A folder for Hugging Face datasets is read back equal bit by bit, from a folder or from the hub."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from makers_hub import files_of, running_hub
from makers_store import MOODS, mixed, store_at, utterance, write
from sentiprism.cli.app import app
from sentiprism.data.dataset import SPLITS
from sentiprism.data.exporters.export_dataset import export_dataset
from sentiprism.data.exporters.huggingface import DESCRIPTION
from sentiprism.data.importers.huggingface import import_huggingface
from sentiprism.data.store import list_names, load_dataset
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.errors import UserError
from sentiprism.recipe import Recipe
from sentiprism.types import TargetSpec

TRAIN = "data/train-00000-of-00001.parquet"


def recipe() -> Recipe:
    return Recipe(extractor="mine", columns=("a", "b", "c"), units=("1", "s", "Hz"))


@pytest.mark.parametrize("kind", ["mixed", "classes", "synthetic", "shared"])
def test_a_round_trip_is_equal_bit_by_bit(home, tmp_path, kind):
    if kind == "synthetic":
        given = synthetic_dataset("own", sizes=(20, 8, 8))
    elif kind == "shared":
        rows = [(split, utterance(f"{split} {n}", video_id="one")) for split in SPLITS for n in range(2)]
        given = write(rows, "own", allow_shared_videos=True)
    else:
        target = MOODS if kind == "classes" else None
        given = mixed(target=target, recipes={"audio": recipe()}, language="de", notes=("made up",), fold="1/5")
    out = export_dataset("own", tmp_path / "out", format="huggingface")
    made = import_huggingface(out, "copy")
    assert made.card.content == given.card.content  # SHA-256 over the data files
    assert made.card.model_copy(update={"name": "own"}) == given.card
    assert import_huggingface(out, replace=True).card == given.card


def test_the_hub_is_named_with_its_commit(home, tmp_path):
    given = mixed()
    out = export_dataset("own", tmp_path / "out", format="huggingface")
    with running_hub() as hub:
        commit = hub.publish(files_of(out) | {"own.py": b"1/0", "data/train.pkl": b"cos\n"}, "me/own", "datasets")
        done = CliRunner().invoke(app, ["dataset", "import", "hf://datasets/me/own", "--name", "far"])
        assert (done.exit_code, done.exception) == (0, None)
        with pytest.raises(UserError, match="hf://me/own is not a repository of datasets"):
            import_huggingface("hf://me/own")
        hub.publish({"data/x.csv": b"1"}, "me/other", "datasets")
        with pytest.raises(UserError, match=r"is not a dataset of sentiprism: it has data/x\.csv"):
            import_huggingface("hf://datasets/me/other")
    made = load_dataset("far")
    assert made.card.content == given.card.content
    assert made.card.warnings == (*given.card.warnings, f"imported from hf://datasets/me/own@{commit}")
    asked = [path for _, path, _ in hub.asked]
    assert not any(".py" in path or "pkl" in path for path in asked)


def change(folder: Path, described=lambda found: found, table=lambda found: found) -> None:
    """Change the file of train."""
    found = parquet.read_table(folder / TRAIN)
    known = json.loads(found.schema.metadata[DESCRIPTION.encode()])
    made = table(found)
    metadata = {**(made.schema.metadata or {}), DESCRIPTION.encode(): json.dumps(described(known)).encode()}
    parquet.write_table(made.replace_schema_metadata(metadata), folder / TRAIN)


def column(name: str, values: list, kind: pa.DataType):
    def put(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        return table.set_column(place, name, pa.array(values, kind))

    return put


AUDIO = pa.list_(pa.list_(pa.float32()))
HOSTILE = {
    "no description": (
        lambda one: parquet.write_table(parquet.read_table(one / TRAIN).replace_schema_metadata(None), one / TRAIN),
        "was not exported by sentiprism: it has no description; give a folder made by: sentiprism dataset export",
    ),
    "not Parquet": (lambda one: (one / TRAIN).write_bytes(b"PAR1 no PAR1"), "cannot be read"),
    "half": (lambda one: (one / TRAIN).write_bytes((one / TRAIN).read_bytes()[:2000]), "cannot be read"),
    "no split": (lambda one: (one / TRAIN).unlink(), r"has no files data/train-\*\.parquet"),
    "other facts": (
        lambda one: change(one, lambda d: d | {"name": "x"}),
        "has another description than",
    ),
    "no facts": (lambda one: change(one, lambda d: {"name": "x"}), "the description in .*: 'labels' is missing"),
    "unknown sequence": (
        lambda one: change(one, lambda d: d | {"widths": {"smell": 3}}),
        "has unknown sequences: smell",
    ),
    "dropped": (lambda one: change(one, table=lambda t: t.drop(["audio_features"])), "not those of its description"),
    "other type": (
        lambda one: change(one, table=column("label", ["1", "2"], pa.string())),
        r"not those of its description \(label\)",
    ),
    "null id": (lambda one: change(one, table=column("id", [None, "b"], pa.string())), "has no id or video"),
    "null label": (lambda one: change(one, table=column("label", [None, 1.0], pa.float32())), "lacks a label"),
    "other width": (
        lambda one: change(one, table=column("audio_features", [[[1.0, 2.0, 3.0], [1.0]], None], AUDIO)),
        "a step does not have 3 features",
    ),
    "null number": (
        lambda one: change(one, table=column("audio_features", [[[1.0, None, 3.0]], None], AUDIO)),
        "a number is missing",
    ),
    "label outside": (lambda one: change(one, table=column("label", [7.0, 1.0], pa.float32())), "is outside the range"),
    "twice": (lambda one: change(one, table=column("id", ["a", "a"], pa.string())), "two utterances have the id 'a'"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """An exported folder."""
    root = tmp_path_factory.mktemp("huggingface")
    with store_at(root / "home"):
        return export_dataset(mixed(target=TargetSpec(low=-3, high=3)), root / "out", format="huggingface")


@pytest.mark.parametrize("case", HOSTILE)
def test_what_does_not_fit_is_refused_in_one_line(home, tmp_path, folder, case):
    for path, content in files_of(folder).items():
        (tmp_path / "out" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / path).write_bytes(content)
    spoil, message = HOSTILE[case]
    spoil(tmp_path / "out")
    with pytest.raises(UserError, match=message) as error:
        import_huggingface(tmp_path / "out", "copy")
    assert "\n" not in str(error.value)
    assert list_names() == []
