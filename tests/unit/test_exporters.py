"""What is exported is read back equal: by the importers, by pickle, and as Parquet."""

import json
import pickle
import pickletools

import numpy as np
import pytest
import yaml
from pyarrow import parquet

from makers import make_mmsa
from makers_store import MOODS, mixed, random_steps, utterance, write
from sentiprism.analysis.cuts import COLUMNS, read_cuts
from sentiprism.cli.export import EXPORTS
from sentiprism.data.clips import Clip
from sentiprism.data.dataset import SPLITS, Dataset
from sentiprism.data.exporters.export_dataset import FORMATS, export_dataset
from sentiprism.data.exporters.mmsa import make_id
from sentiprism.data.exporters.pickle_writer import PickleWriter
from sentiprism.data.importers.columns import read_columns
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.labels import LabelSpec
from sentiprism.data.importers.sources import MmsaSource, TableSource
from sentiprism.errors import UserError

SCALE = LabelSpec(-3, 3)


def assert_same(made: Dataset, given: Dataset, *, keys: tuple[str, ...], ids: bool = True) -> None:
    for name in SPLITS:
        left, right = made.split(name), given.split(name)
        assert len(left) == len(right)
        assert {label: v.tolist() for label, v in left.labels.items()} == {
            k: v.tolist() for k, v in right.labels.items()
        }
        for n in range(len(left)):
            one, other = left.utterance(n), right.utterance(n)
            assert ((one.id, one.video_id) == (other.id, other.video_id)) or not ids
            assert (one.text or None) == (other.text or None)
            assert one.sequences.keys() == {key for key in other.sequences if key in keys}
            for key, steps in one.sequences.items():
                np.testing.assert_array_equal(steps, other.sequences[key])


def test_a_table_is_imported_as_it_was(home, tmp_path):
    given = mixed()
    out = export_dataset("own", tmp_path / "out")
    files = {key: out / f"{key}.parquet" for key in ("text", "audio", "vision")}
    made = import_dataset("copy", TableSource(out / "labels.csv", **files), labels=SCALE)
    assert_same(made, given, keys=tuple(files))
    assert set(made.card.warnings) == set(import_warnings(made))
    said = (out / "README.md").read_text()
    assert "dataset add own_copy --labels labels.csv --text text.parquet --audio audio.parquet" in said
    assert "--low -3 --high 3" in said


def import_warnings(made: Dataset) -> list[str]:
    """Warnings that only say which utterances lack what."""
    return [line for line in made.card.warnings if "missing" in line or "have no" in line]


def test_a_table_of_classes_and_of_clips_is_what_extract_reads(home, tmp_path):
    talk = tmp_path / "talk.wav"
    clips = {f"clip {n}": Clip(file=talk, content="0" * 64, size=1, start=n / 3, end=n / 3 + 0.2) for n in range(6)}
    given = mixed("moods", MOODS, clips=clips)
    out = export_dataset(given, tmp_path / "out", format="table")
    assert "--classes 'bad,not bad,good'" in (out / "README.md").read_text()
    made = import_dataset("copy", TableSource(out / "labels.csv"), labels=LabelSpec(classes=MOODS.classes))
    assert_same(made, given, keys=())
    table = read_columns({"": out / "labels.csv"}, {}, None, [], also=COLUMNS)
    cuts = read_cuts(table, out / "labels.csv", [])
    assert list(cuts) == ["talk.wav"]
    assert {cut.id: (cut.start, cut.end) for cut in cuts["talk.wav"]} == {k: (c.start, c.end) for k, c in clips.items()}


def test_a_pickle_has_mmsas_keys_and_is_imported_as_it_was(home, tmp_path):
    given = mixed()
    out = export_dataset(given, tmp_path / "own.pkl", format="mmsa")
    content = pickle.loads(out.read_bytes())
    theirs = make_mmsa(tmp_path / "theirs.pkl", sims=True)
    assert set(content) == set(theirs) == set(SPLITS)
    unimodal = {key for key in theirs["train"] if key.endswith(("_T", "_A", "_V"))}
    extra = {"regression_labels_A", "classification_labels_A"}
    assert set(content["train"]) == set(theirs["train"]) - unimodal | extra
    train = content["train"]
    assert {key: value.shape for key, value in train.items() if isinstance(value, np.ndarray)} == {
        "text_bert": (2, 3, 7), "text": (2, 7, 4), "audio": (2, 6, 3), "vision": (2, 7, 2), "regression_labels": (2,),
        "regression_labels_A": (2,), "classification_labels": (2,), "classification_labels_A": (2,),
    }  # fmt: skip
    assert {value.dtype for value in train.values() if isinstance(value, np.ndarray)} == {np.dtype(np.float32)}
    assert train["id"] == ["video/0$_$clip 0", "video/3$_$clip 3"]
    assert train["audio_lengths"] == [0, 0]
    assert train["annotations"] == ["Negative", "Neutral"]
    assert train["text_bert"][0, 1].tolist() == [1, 1, 0, 0, 0, 0, 0]
    made = import_dataset("copy", MmsaSource(out), labels=SCALE)
    assert_same(made, given, keys=("token_ids", "text", "audio", "vision"), ids=False)
    assert made.train.video_ids.tolist() == ["video/0", "video/3"]


@pytest.mark.parametrize("aligned", [True, False])
def test_a_file_of_mmsa_is_the_same_after_import_and_export(home, tmp_path, aligned):
    name = "mosi_aligned" if aligned else "mosi"
    theirs = make_mmsa(tmp_path / "theirs.pkl", aligned=aligned)
    given = import_dataset(name, MmsaSource(tmp_path / "theirs.pkl"))
    ours = pickle.loads(export_dataset(name, tmp_path / "ours.pkl", format="mmsa").read_bytes())
    again = import_dataset(name, MmsaSource(tmp_path / "ours.pkl"), replace=True)
    assert again.card.content == given.card.content, "the same bytes in the store"
    assert [set(ours[split]) for split in SPLITS] == [set(theirs[split]) for split in SPLITS]
    for key in ("id", "regression_labels", "text_bert"):
        length = min(np.shape(ours["train"][key])[-1], np.shape(theirs["train"][key])[-1])
        np.testing.assert_array_equal(
            np.asarray(ours["train"][key])[..., :length], np.asarray(theirs["train"][key])[..., :length]
        )


def test_a_pickle_names_no_module_that_old_programs_lack(home, tmp_path):
    mixed()
    content = export_dataset("own", tmp_path / "own.pkl", format="mmsa").read_bytes()
    names = {argument for op, argument, _ in pickletools.genops(content) if op.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}
    with (tmp_path / "short.pkl").open("wb") as file, pytest.raises(ValueError, match="8 bytes of rows for an array"):
        PickleWriter(file).array("f4", (3,), [np.zeros(2)])


def test_features_that_are_not_aligned_with_the_ids_are_not_cut_by_them(home, tmp_path):
    rng = np.random.default_rng(0)
    sequences = {"token_ids": np.array([101, 5, 102], np.int32), "text": random_steps(rng, 2, 4)}
    longer = {"token_ids": np.array([101, 102], np.int32), "text": random_steps(rng, 3, 4)}
    given = write([(s, utterance(s, sequences=sequences if s == "train" else longer)) for s in SPLITS], "own")
    export_dataset(given, tmp_path / "own.pkl", format="mmsa")
    made = import_dataset("copy", MmsaSource(tmp_path / "own.pkl"), labels=SCALE)
    assert_same(made, given, keys=("token_ids", "text"), ids=False)


def test_ids_name_their_video():
    assert make_id("v$_$3", "v") == "v$_$3"
    assert make_id("alone", "alone") == "alone"
    assert make_id("a$_$b", "v") == "v$_$a_b"


@pytest.mark.parametrize("target", [None, MOODS])
def test_a_folder_for_datasets_has_a_file_a_split_and_a_card(home, tmp_path, target):
    given = mixed(target=target)
    out = export_dataset("own", tmp_path / "out", format="huggingface")
    head = yaml.safe_load((out / "README.md").read_text().split("---")[1])
    files = {one["split"]: one["path"] for one in head["configs"][0]["data_files"]}
    assert set(files) == {"train", "validation", "test"}
    for split, pattern in files.items():
        (file,) = out.glob(pattern)
        table = parquet.read_table(file)
        rows = given.split({"validation": "valid"}.get(split, split))
        assert table["id"].to_pylist() == rows.ids.tolist()
        assert table["label"].to_pylist() == rows.labels["M"].tolist()
        for key, column in (("audio", "audio_features"), ("text", "text_features"), ("token_ids", "token_ids")):
            for n, cell in enumerate(table[column].to_pylist()):
                expected = rows.utterance(n).sequences.get(key)
                assert (cell is None) == (expected is None)
                np.testing.assert_array_equal(np.zeros(0) if cell is None else cell, [] if cell is None else expected)
        about = (table.schema.metadata or {}).get(b"huggingface")
        names = about and json.loads(about)["info"]["features"]["label"]["names"]
        assert names == (list(MOODS.classes) if target else None)


def test_nothing_is_overwritten_or_left_behind(home, tmp_path):
    mixed()
    assert FORMATS == EXPORTS
    (tmp_path / "there").mkdir()
    for form in FORMATS:
        with pytest.raises(UserError, match="exists already"):
            export_dataset("own", tmp_path / "there", format=form)
    with pytest.raises(UserError, match="is a folder"):
        export_dataset("own", tmp_path / "there", format="mmsa", replace=True)
    with pytest.raises(UserError, match="did you mean 'table'"):
        export_dataset("own", tmp_path / "new", format="tabel")

    def fail(count: int) -> None:
        raise KeyboardInterrupt

    for form in FORMATS:
        with pytest.raises(KeyboardInterrupt):
            export_dataset("own", tmp_path / "new", format=form, progress=fail)
    assert [path.name for path in tmp_path.iterdir() if path.name not in {"home", "there"}] == []
