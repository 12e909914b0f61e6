"""What voice adds to text, cross-validated by video."""

import numpy as np
import pytest

from makers_store import utterance, write
from makers_text import tiny_bert
from sentiprism.reproduction.modalities import ALONE, compare_modalities


@pytest.fixture
def clips(home):
    """Twelve videos of utterances whose label is in their voice, not in their words."""
    rng = np.random.default_rng(0)
    tiny_bert(home / "tiny")
    for name, loudness in (("heard", 1.0), ("deaf", 0.0)):
        rows = []
        for video in range(12):
            for clip in range(5):
                label = float(rng.uniform(-3, 3))
                voice = rng.normal(loudness * label, 0.3, (3, 4)).astype(np.float32)
                fields = {"video_id": f"v{video}", "text": f"w{rng.integers(20)} w{clip}", "labels": {"M": label}}
                split = ("train", "valid", "test")[video % 3]
                rows.append((split, utterance(f"v{video}_{clip}", sequences={"audio": voice}, **fields)))
        write(rows, name)
    return [f"data.text.encoder={home / 'tiny'}", "data.text.mode=frozen"]


def test_a_voice_that_knows_the_label_is_said_to_help_and_one_that_does_not_is_not(clips, tmp_path):
    given = {"assignments": clips, "out": tmp_path / "runs", "device": "cpu", "quiet": True}
    found = compare_modalities(["ridge"], ["heard"], 3, **given)
    alone, both = found.rows  # what adds a face comes to the same, for there is none
    assert (alone.modalities, both.modalities) == (ALONE, "text+audio")
    assert alone.differences is None
    assert both.differences["mae"].high < 0 < both.differences["pearson_within_videos"].low
    assert both.differences["mae"].mean == pytest.approx(both.shown["mae"].mean - alone.shown["mae"].mean)
    assert {*both.shown} == {"mae", "pearson", "pearson_within_videos"}
    assert len(both.evaluation.predictions[0].ids) == 60
    lines = found.verdict()
    assert lines[0].startswith("ridge on heard, text+audio: MAE better than text alone: Δ -")
    assert lines[-1].startswith("3 of 3 intervals exclude 0")
    text = found.to_markdown()
    assert "| ridge | heard | text+audio |" in text
    assert "3 folds by video; 95% bootstrap interval over 12 videos" in text
    assert found.to_dict()["rows"][1]["differences"]["mae"]["high"] < 0
    deaf = compare_modalities(["ridge"], ["deaf"], 3, **given)
    assert deaf.verdict() == ["no interval of a difference from text alone excludes 0, of 3"]
