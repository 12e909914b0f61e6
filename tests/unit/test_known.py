"""Known datasets: published facts are whole and consistent, names are found, others are let through."""

import re
from pathlib import Path

import pytest

from sentiprism.data.known import KNOWN, describe, family, recognise
from sentiprism.files import safe_name

SIZES = {
    **dict.fromkeys(("mosi", "mosi_aligned"), 2199),
    **dict.fromkeys(("mosei", "mosei_aligned"), 22856),
    **{"sims": 2281, "simsv2": 4403, "urfunny": 16514, "mmmo": 340},
}


def test_split_sizes_add_up_to_the_published_totals() -> None:
    assert {name: sum(known.splits.values()) for name, known in KNOWN.items()} == SIZES


@pytest.mark.parametrize("name", SIZES)
def test_facts_are_whole(name: str) -> None:
    known = KNOWN[name]
    assert safe_name(known.name, "dataset") == name
    assert set(known.splits) == {"train", "valid", "test"}
    assert re.search(r"\b(19|20)\d\d$", known.citation)
    assert known.vocabulary == {"en": "bert-base-uncased", "zh": "bert-base-chinese"}[known.language]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in known.files.values())


def test_ranges() -> None:
    assert {
        name: (known.target.low, known.target.high) for name, known in KNOWN.items() if not known.target.classes
    } == {
        **dict.fromkeys(("mosi", "mosi_aligned", "mosei", "mosei_aligned"), (-3, 3)),
        "sims": (-1, 1),
        "simsv2": (-1, 1),
        "mmmo": (-2, 2),
    }
    assert KNOWN["urfunny"].target.classes == ("serious", "humorous")


def test_the_offset_brings_ratings_of_one_to_five_onto_the_range() -> None:
    mmmo = KNOWN["mmmo"]
    assert (1 + mmmo.label_offset, 5 + mmmo.label_offset) == (mmmo.target.low, mmmo.target.high)


@pytest.mark.parametrize(
    ("given", "name"), [("mosi", "mosi"), ("CMU-MOSI", "mosi"), ("ch-sims", "sims"), ("UR-FUNNY", "urfunny")]
)
def test_describe_finds_names_and_aliases(given: str, name: str) -> None:
    known = describe(given)
    assert known is not None
    assert known.name == name


def test_another_name_is_a_users_own_dataset() -> None:
    assert describe("mosii") is None


def test_recognise_names_dataset_and_file_of_a_digest() -> None:
    found = recognise("C9E20C13EC0454D98BB9C1E520E490C75146BFA2DFEEEA78D84DE047DBDD442F")
    assert found is not None
    assert (found[0].name, found[1]) == ("sims", "unaligned_39.pkl")
    assert recognise("0" * 64) is None


def test_no_alias_or_digest_stands_for_two_datasets() -> None:
    names = [name for known in KNOWN.values() for name in (known.name, *known.aliases)]
    digests = [digest for known in KNOWN.values() for digest in known.files.values()]
    assert len(set(names)) == len(names)
    assert len(set(digests)) == len(digests) == 5


@pytest.mark.parametrize("name", ["mosi", "mosei"])
def test_the_two_forms_of_a_dataset_are_two_datasets_of_one_family(name: str) -> None:
    plain, aligned = KNOWN[name], KNOWN[f"{name}_aligned"]
    assert (plain.aligned, aligned.aligned) == (False, True)
    assert (plain.other_form(), aligned.other_form()) == (aligned, plain)
    assert family(plain.name) == family(aligned.name) == family(f"CMU-{name.upper()}-aligned") == name
    assert (plain.target, plain.splits, plain.protocol) == (aligned.target, aligned.splits, aligned.protocol)
    assert [*plain.files, *aligned.files] == ["unaligned_50.pkl", "aligned_50.pkl"]
    assert plain.files.keys().isdisjoint(aligned.files)


def test_others_have_one_form() -> None:
    assert KNOWN["sims"].other_form() is None
    assert family("sims") == "sims"
    assert family("my_own") == "my_own"


def test_mosis_columns_are_named_one_by_one(shared_data: Path) -> None:
    """The names are those of COVAREP's own list, counted from 0."""
    labels = (shared_data / "covarep" / "covarep_labels.txt").read_text().split()
    columns = KNOWN["mosi"].columns
    assert len(labels) == 74
    assert columns["audio"] == tuple(f"COVAREP {n} ({labels[n]})" for n in (1, 3, 6, 25, 60))
    assert len(columns["vision"]) == len(set(columns["vision"])) == 20
    assert (columns["vision"][0], columns["vision"][-1]) == ("FACET 0", "FACET 40")
    assert KNOWN["mosi_aligned"].columns == columns
