"""What a run leaves on disk is read back as it was written, or one line says why not."""

import numpy as np
import pytest

from sentiprism.errors import UserError
from sentiprism.evaluation.predictions_file import read_predictions, write_predictions
from sentiprism.training.predict import Predictions
from sentiprism.training.run import Run, new_folder
from sentiprism.training.train import resolve


def test_a_folder_that_is_no_run_answers_with_the_near_match(trained):
    with pytest.raises(UserError, match=r"traind is not a run folder; did you mean '.*/trained'"):
        Run(trained.folder.with_name("traind"))


@pytest.mark.parametrize(
    ("content", "cause"),
    [("{", "is not JSON"), ("", "is empty"), ("\0", "is not text"), ("{}", "'device' is missing")],
)
def test_a_damaged_run_is_one_line(fit, content, cause):
    run = fit(epochs=1)
    (run.folder / "environment.json").write_text(content)
    with pytest.raises(UserError, match=rf"environment\.json:? {cause}"):
        Run(run.folder)
    (run.folder / "environment.json").unlink()
    with pytest.raises(UserError, match=r"no file .*environment\.json"):
        Run(run.folder)


def test_two_runs_begun_in_one_second_have_two_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = resolve({"model": "mdf", "dataset": "some/where/mosi"})
    folders = []
    for _ in range(3):
        folders.append(new_folder(config))
        folders[-1].mkdir(parents=True)
    assert len(set(folders)) == 3
    assert all(folder.name.startswith("mdf-mosi-20") for folder in folders)


@pytest.mark.parametrize("classes", [False, True])
def test_predictions_come_back_as_they_were(tmp_path, classes):
    rng = np.random.default_rng(0)
    written = Predictions(
        np.array(["a$_$1", "b", "ü"]),
        np.array([0, 2, 1]) if classes else np.array([-3.0, 0.0, 1.5], np.float32),
        rng.normal(size=(3, 3) if classes else 3).astype(np.float32),
        {"modality": rng.random((3, 3), np.float32)},
    )
    write_predictions(tmp_path / "p.parquet", written)
    read = read_predictions(tmp_path / "p.parquet")
    assert read.ids.tolist() == written.ids.tolist()
    for one, other in ((read.label, written.label), (read.prediction, written.prediction)):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    assert np.array_equal(read.weights["modality"], written.weights["modality"])


def test_predictions_that_are_none_are_one_line(tmp_path):
    with pytest.raises(UserError, match="no predictions at"):
        read_predictions(tmp_path / "absent.parquet")
    (tmp_path / "garbage.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match="does not have predictions"):
        read_predictions(tmp_path / "garbage.parquet")
