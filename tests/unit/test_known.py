"""Known datasets: published facts are whole and consistent, names are found, others are let through."""

import re

import pytest

from sentiprism.data.known import KNOWN, describe, recognise
from sentiprism.files import safe_name

SIZES = {"mosi": 2199, "mosei": 22856, "sims": 2281, "simsv2": 4403, "urfunny": 16514, "mmmo": 340}


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
        "mosi": (-3, 3),
        "mosei": (-3, 3),
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
