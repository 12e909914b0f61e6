"""What a run that starts from other weights says of them: labels, context, and videos of test that they knew."""

import json
import shutil

from makers_transfer import fit, words_and_voices
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.models import load_model
from sentiprism.training.transfer import plan_transfer


def test_other_labels_and_another_context_are_noted(source, encoder, tmp_path):
    words_and_voices("unit", seed=3, high=1.0)
    run = fit(
        "unit", tmp_path / "run", encoder, init=source.folder, settings={"text": {"context": 2, "max_tokens": 60}}
    )
    plan = plan_transfer(str(source.folder), load_model(run.seed_folder(1111) / "model").model)
    assert plan.notes == (
        "text: it was trained with 0 utterances of context, this run uses 2 utterances",
        "labels: it was trained on [-3, 3], this run uses [-1, 1]",
    )
    assert {*plan.notes} < {*plan.describe("run")}


def test_videos_of_test_that_the_source_was_trained_on_are_noted(source, encoder, tmp_path):
    """In the run's record and under its scores on test; not where the source knew none of them."""
    videos = {"test5": "valid4", "valid4": "other"}  # "first" selects on the video that is tested on here
    overlap = words_and_voices("overlap", seed=4, renamed=videos)
    clean = fit("second", tmp_path / "clean", encoder, init=source.folder)
    assert clean.environment["init"]["shared_videos"] == ()
    assert evaluate(clean, device="cpu").notes == ()

    run = fit("overlap", tmp_path / "run", encoder, init=source.folder)
    known = run.environment["init"]["shared_videos"]
    assert len({*overlap.test.video_ids.tolist()}) == 1
    assert known == (
        f"1 of 1 test videos have the names of videos in train and valid of first, which {source.folder} was trained "
        "on: they are not unseen",
    )
    assert evaluate(run, device="cpu").notes == known
    assert evaluate(run, "valid", device="cpu").notes == ()

    again = fit("second", tmp_path / "again", encoder, init=run.folder)
    assert again.environment["init"]["shared_videos"] == (
        f"it is not known whether {run.folder} was trained on test videos of second: it started from "
        f"{source.folder} itself",
    )
    shutil.copytree(source.seed_folder(1111) / "model", tmp_path / "copy")
    described = json.loads((tmp_path / "copy" / "config.json").read_text())
    described["metadata"] |= {"dataset": "gone", "content": "0"}
    (tmp_path / "copy" / "config.json").write_text(json.dumps(described))
    lost = fit("second", tmp_path / "lost", encoder, init=tmp_path / "copy")
    assert lost.environment["init"]["shared_videos"] == (
        f"it is not known whether {tmp_path / 'copy'} was trained on test videos of second: its dataset gone is "
        "missing or has changed",
    )
