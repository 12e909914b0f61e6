"""A study whose files are not what it wrote is one line."""

import json

import pytest

from makers_damage import FILES, NONSENSE, changed, dumped, places, refusal
from sentiprism.training.experiments import load_experiment
from sentiprism.tuning.journal import Journal
from sentiprism.tuning.storage import FolderStorage
from sentiprism.tuning.study import Study
from sentiprism.tuning.tune import resume_study
from sentiprism.yaml_files import load_yaml


@pytest.mark.parametrize("damage", FILES)
@pytest.mark.parametrize("name", ["study.yaml", "journal.log"])
def test_a_study_of_which_a_file_is_not_one_is_one_line(folder, name, damage):
    FILES[damage](folder / "study" / name)
    line = refusal(lambda: resume_study(folder / "study", trials=2, device="cpu", quiet=True))
    assert line is not None or (name, damage) in {
        ("journal.log", "empty"),
        ("journal.log", "cut"),
    }  # what is left counts


def test_every_value_of_a_studys_journal_may_be_nonsense(folder):
    path = folder / "study" / "journal.log"
    lines = path.read_text().splitlines()
    study = Study.parse(load_yaml(folder / "study" / "study.yaml"))
    seen = set()
    for number, line in enumerate(lines):
        entry = json.loads(line)
        if (kind := (entry["op_code"], *sorted(entry))) in seen:
            continue
        seen.add(kind)
        for at in places(entry):
            for new in NONSENSE.values():
                damaged = [*lines[:number], dumped(changed(entry, at, new)), *lines[number + 1 :]]
                path.write_text("\n".join(damaged) + "\n")
                said = refusal(lambda: Journal(FolderStorage(folder / "study"), study, {}))
                assert said is None or "journal.log" in said


def test_part_of_a_line_that_a_killed_process_left_is_cut_off(folder):
    path = folder / "study" / "journal.log"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"worker_id":"a","study_')
    found = resume_study(folder / "study", trials=3, device="cpu", quiet=True)
    assert len(found.trials) == 3
    assert path.read_bytes().startswith(whole + b'{"op_code":')
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_the_best_settings_of_a_study_are_an_experiment_like_any_other(folder):
    path = folder / "study" / "best.yaml"
    value = load_yaml(path)
    for at in places(value):
        for new in NONSENSE.values():
            path.write_text(dumped(changed(value, at, new)))
            line = refusal(lambda: load_experiment(str(path)))
            assert line is None or "best.yaml" in line
