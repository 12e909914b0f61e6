import pickle
from pathlib import Path

import numpy as np
import pytest

from makers import make_mmsa
from sentiprism.cli.sources import choose_source
from sentiprism.data.importers.import_dataset import import_dataset
from sentiprism.data.importers.labels import LabelSpec
from sentiprism.data.importers.mmsa import read_mmsa
from sentiprism.data.importers.sources import MmsaSource
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError


def read(path: Path) -> tuple[dict, list[str]]:
    notes: list[str] = []
    rows = {}
    for split, utterance in read_mmsa(path, notes=notes):
        copies = {key: np.array(value) for key, value in utterance.sequences.items()}
        rows[utterance.id] = (split, utterance, copies)
    return rows, notes


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_unaligned_sequences_have_their_stated_lengths(tmp_path: Path, protocol: int) -> None:
    content = make_mmsa(tmp_path / "u.pkl", protocol=protocol)
    rows, notes = read(tmp_path / "u.pkl")
    assert len(rows) == 10
    assert notes == ["u.pkl: annotations and classification_labels not read: labels are regression_labels"]
    for split, source in content.items():
        for n, name in enumerate(source["id"]):
            found, utterance, sequences = rows[name]
            assert found == split
            assert utterance.video_id == name.split("$_$")[0]
            assert utterance.text == source["raw_text"][n]
            assert utterance.labels == {"M": pytest.approx(float(source["regression_labels"][n]))}
            words = int(source["text_bert"][n, 1].sum())
            np.testing.assert_array_equal(sequences["token_ids"], source["text_bert"][n, 0, :words])
            assert sequences["token_ids"].dtype == np.int32
            assert (sequences["token_ids"][0], sequences["token_ids"][-1]) == (101, 102)
            np.testing.assert_array_equal(sequences["text"], source["text"][n, :words])
            for key in ("audio", "vision"):
                length = source[f"{key}_lengths"][n]
                np.testing.assert_array_equal(sequences[key], source[key][n, :length])


def test_aligned_sequences_have_the_length_of_the_text_mask(tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "a.pkl", aligned=True)
    rows, _ = read(tmp_path / "a.pkl")
    for source in content.values():
        for n, name in enumerate(source["id"]):
            sequences = rows[name][2]
            words = int(source["text_bert"][n, 1].sum())
            assert {len(value) for value in sequences.values()} == {words}
            np.testing.assert_array_equal(sequences["vision"], source["vision"][n, :words])


def test_sims_has_unimodal_labels(tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "s.pkl", sims=True)
    rows, _ = read(tmp_path / "s.pkl")
    train = content["train"]
    for n, name in enumerate(train["id"]):
        expected = {"M": train["regression_labels"][n]}
        expected |= {key: train[f"regression_labels_{key}"][n] for key in "TAV"}
        assert rows[name][1].labels == pytest.approx(expected)
        assert rows[name][2]["vision"].shape[1] == 709


def write(path: Path, content: dict) -> Path:
    path.write_bytes(pickle.dumps(content, 4))
    return path


def test_unequal_counts_are_refused_naming_both_keys(tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "x.pkl")
    content["valid"]["audio"] = content["valid"]["audio"][:1]
    with pytest.raises(UserError, match=r"valid has 2 entries under 'id' and 1 under 'audio'"):
        read(write(tmp_path / "x.pkl", content))


def test_a_missing_key_is_refused_with_the_near_match(tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "x.pkl")
    content["train"]["regression_label"] = content["train"].pop("regression_labels")
    with pytest.raises(UserError, match=r"train has no key 'regression_labels'"):
        read(write(tmp_path / "x.pkl", content))


def test_a_missing_split_is_refused_and_dev_is_valid(tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "x.pkl")
    content["dev"] = content.pop("valid")
    assert {split for split, *_ in read(write(tmp_path / "x.pkl", content))[0].values()} == {"train", "valid", "test"}
    del content["dev"]
    with pytest.raises(UserError, match="no split 'valid'"):
        read(write(tmp_path / "x.pkl", content))


def test_unknown_keys_and_splits_are_noted_by_name(tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "x.pkl")
    content["train"]["depth"] = [{"anything": 1}]
    content["unlabelled"] = content["test"]
    _, notes = read(write(tmp_path / "x.pkl", content))
    assert "x.pkl: key 'depth' is not known and not read" in notes
    assert "x.pkl: split 'unlabelled' is not read" in notes


def test_lengths_beyond_the_frames_are_cut_and_counted_and_zero_is_missing(tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "x.pkl")
    content["train"]["audio_lengths"][:2] = [99, 0]
    rows, notes = read(write(tmp_path / "x.pkl", content))
    first, second = content["train"]["id"][:2]
    assert rows[first][2]["audio"].shape == (30, 5)
    assert rows[second][2]["audio"].shape == (0, 5)
    assert "x.pkl: audio_lengths beyond the frames there are in 1 utterances" in notes


def test_without_lengths_or_text_trailing_zeros_are_cut_and_it_is_said(tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "x.pkl")
    lengths = {split: columns.pop("audio_lengths") for split, columns in content.items()}
    rows, notes = read(write(tmp_path / "x.pkl", content))
    for split, columns in content.items():
        for name, length in zip(columns["id"], lengths[split], strict=True):
            assert len(rows[name][2]["audio"]) == length
    assert any("audio without given length" in note and "in 10 utterances" in note for note in notes)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("audio", [[1.0], [2.0]], r"valid.audio is a list that holds"),
        ("raw_text", [1, 2], r"valid.raw_text holds no strings"),
        ("regression_labels", ["a", "b"], r"valid.regression_labels is not one number"),
        ("text_bert", np.zeros((2, 2, 9), np.float32), r"text_bert has shape \(2, 2, 9\)"),
        ("vision_lengths", [float("nan"), 2.0], r"vision_lengths holds NaN"),
        ("vision", np.zeros(2), r"valid.vision is not an array of numbers"),
    ],
)
def test_columns_of_another_kind_are_refused_by_name(tmp_path: Path, key: str, value, message: str) -> None:
    content = make_mmsa(tmp_path / "x.pkl")
    content["valid"][key] = value
    with pytest.raises(UserError, match=message):
        read(write(tmp_path / "x.pkl", content))


def test_ids_and_texts_may_be_arrays_of_strings_or_objects(tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "x.pkl")
    content["train"]["id"] = np.array(content["train"]["id"])
    content["valid"]["id"] = np.array(content["valid"]["id"], dtype=object)
    content["test"]["raw_text"] = list(content["test"]["raw_text"])
    rows, _ = read(write(tmp_path / "x.pkl", content))
    assert set(rows) == {str(name) for columns in content.values() for name in columns["id"]}


def test_import_stores_a_known_dataset_and_says_the_file_is_another(home: Path, tmp_path: Path) -> None:
    content = make_mmsa(tmp_path / "mine.pkl")
    content["train"]["audio"][0, 0, 0] = -np.inf
    dataset = import_dataset("mosi", MmsaSource(write(tmp_path / "mine.pkl", content)))
    assert (len(dataset.train), len(dataset.valid), len(dataset.test)) == (6, 2, 2)
    card = dataset.card
    assert (card.vocabulary, card.text_encoder) == ("bert-base-uncased", "bert-base-uncased")
    assert card.widths == {"text": 768, "audio": 5, "vision": 20}
    assert "mine.pkl differs from the distributed files of CMU-MOSI (SHA-256)" in card.warnings
    assert any(w.startswith("train has 6 utterances, the official split 1284") for w in card.warnings)
    assert any("infinite" in w for w in card.warnings)
    assert dataset.train.sequences["audio"][0][0, 0] == 0


def test_import_names_the_columns_of_mosi_alone(home: Path, tmp_path: Path) -> None:
    make_mmsa(tmp_path / "mosi.pkl")
    card = import_dataset("mosi", MmsaSource(tmp_path / "mosi.pkl")).card
    assert card.columns["audio"] == tuple(
        f"COVAREP {name}" for name in ("1 (VUV)", "3 (QOQ)", "6 (MDQ)", "25 (MCEP_14)", "60 (HMPDM_24)")
    )
    assert len(card.columns["vision"]) == 20
    assert load_dataset("mosi").card == card
    assert import_dataset("mosei", MmsaSource(tmp_path / "mosi.pkl")).card.columns == {}
    content = make_mmsa(tmp_path / "wide.pkl")
    for columns in content.values():
        columns["audio"] = np.concatenate([columns["audio"], columns["audio"]], axis=2)
    card = import_dataset("mosi", MmsaSource(write(tmp_path / "wide.pkl", content)), replace=True).card
    assert card.columns.keys() == {"vision"}, "ten columns are not those five"


def test_the_aligned_form_of_a_dataset_has_a_name_of_its_own(home: Path, tmp_path: Path) -> None:
    make_mmsa(tmp_path / "u.pkl")
    make_mmsa(tmp_path / "a.pkl", aligned=True)
    with pytest.raises(UserError, match=r"a\.pkl is aligned to words, mosi is not; name it mosi_aligned"):
        import_dataset("mosi", MmsaSource(tmp_path / "a.pkl"))
    with pytest.raises(UserError, match=r"u\.pkl is not aligned to words, mosi_aligned is; name it mosi"):
        import_dataset("mosi_aligned", MmsaSource(tmp_path / "u.pkl"))
    assert not list(home.rglob("*.arrow"))
    plain, aligned = (
        import_dataset(name, MmsaSource(tmp_path / f"{file}.pkl"))
        for name, file in (("mosi", "u"), ("mosi_aligned", "a"))
    )
    assert (plain.name, aligned.name) == ("mosi", "mosi_aligned")
    assert aligned.card.title == "CMU-MOSI, aligned to words"
    assert aligned.card.protocol == "intensity"
    lengths = aligned.card.splits["train"].lengths
    assert lengths["audio"] == lengths["vision"] == lengths["text"] != plain.card.splits["train"].lengths["audio"]
    import_dataset(
        "mine", MmsaSource(tmp_path / "a.pkl"), labels=LabelSpec(low=-3, high=3)
    )  # what nobody knows is what it is called


def test_a_known_dataset_that_is_not_imported_says_which_file_it_is(home: Path) -> None:
    with pytest.raises(UserError, match=r"dataset add mosi_aligned --mmsa aligned_50\.pkl$"):
        load_dataset("mosi_aligned")


def test_import_asks_for_the_range_of_an_unknown_name(home: Path, tmp_path: Path) -> None:
    make_mmsa(tmp_path / "x.pkl")
    with pytest.raises(UserError, match="`low` and `high`"):
        import_dataset("mine", MmsaSource(tmp_path / "x.pkl"))
    with pytest.raises(UserError, match="`low` and `high`"):
        import_dataset("mine", MmsaSource(tmp_path / "x.pkl"), labels=LabelSpec(low=3, high=-3))
    dataset = import_dataset("mine", MmsaSource(tmp_path / "x.pkl"), labels=LabelSpec(low=-3, high=3))
    assert (dataset.card.target.low, dataset.card.target.high, dataset.card.vocabulary) == (-3, 3, None)
    with pytest.raises(UserError, match=r"labels on \[-3, 3\]"):
        import_dataset("mosi", MmsaSource(tmp_path / "x.pkl"), labels=LabelSpec(low=0, high=5))


def test_import_wants_one_source_and_what_goes_with_it(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no source given"):
        choose_source({"mmsa": None, "labels": None}, {})
    with pytest.raises(UserError, match="--labels and --mmsa given"):
        choose_source({"labels": tmp_path / "x.csv", "mmsa": tmp_path / "x.pkl"}, {})
    with pytest.raises(UserError, match="--mmsa cannot be combined with --audio and --folds"):
        choose_source({"mmsa": tmp_path / "x.pkl"}, {"audio": tmp_path / "x.npz", "folds": tmp_path / "f.json"})
    with pytest.raises(UserError, match="--labels cannot be combined with --words"):
        choose_source({"labels": tmp_path / "x.csv"}, {"words": tmp_path / "w.csd"})
    with pytest.raises(UserError, match="--urfunny cannot be combined with --folds"):
        choose_source({"urfunny": tmp_path / "sdk"}, {"folds": "1/5"})
    with pytest.raises(UserError, match="--folds"):
        choose_source({"csd": tmp_path / "x.csd"}, {"folds": None})
    with pytest.raises(UserError, match="no file"):
        import_dataset("mosi", MmsaSource(tmp_path / "absent.pkl"))
    assert not list(home.rglob("*.arrow"))
