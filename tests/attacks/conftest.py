"""A finished run, one that was stopped and a study, with every file that they may have."""

import json
import shutil

import pytest

from makers_models import small
from makers_store import store_at
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.evaluation.calibration import calibrate
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.robustness import robustness
from sentiprism.training.train import train
from sentiprism.tuning.tune import tune

OPTIM = {"epochs": 2, "batch_size": 20}


@pytest.fixture(scope="session")
def whole_files(tmp_path_factory):
    """A finished run with every file that one may have, one that was stopped, and a study."""
    folder = tmp_path_factory.mktemp("template")
    settings = {"config": small("mdf"), "optim": OPTIM}
    with store_at(folder / "home"):
        data = synthetic_dataset("tiny", sizes=(40, 60, 24))
        run = train("mdf", data, settings={**settings, "oracle": True}, out=folder / "run", device="cpu", quiet=True)
        evaluate(run, device="cpu")
        calibrate(run, level=0.8, device="cpu")
        robustness(run, kinds=["missing"], modalities=["text"], points=2, device="cpu")
        tune("mdf", "tiny", trials=2, settings=settings, out=folder / "study", device="cpu", quiet=True)
        _stop(folder, data, settings)
    return folder


def _stop(folder, data, settings):
    from sentiprism.training.loop import Trainer

    with pytest.MonkeyPatch.context() as patch:
        step, taken = Trainer.take_step, []

        def stopping(self, *arguments):
            taken.append(1)
            if len(taken) > 3:
                raise KeyboardInterrupt
            step(self, *arguments)

        patch.setattr(Trainer, "take_step", stopping)
        with pytest.raises(KeyboardInterrupt):
            train("mdf", data, settings=settings, out=folder / "half", device="cpu", quiet=True)


@pytest.fixture
def folder(whole_files, tmp_path, monkeypatch):
    monkeypatch.setenv("SENTIPRISM_HOME", str(whole_files / "home"))
    shutil.copytree(whole_files, tmp_path / "all", ignore=shutil.ignore_patterns("home"))
    return tmp_path / "all"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A studio that takes small files alone."""
    from makers_studio import serving
    from sentiprism.web.uploads import Limits

    with serving(tmp_path_factory.mktemp("studio"), Limits(size=400_000, seconds=20, silence=1.0, free=0)) as opened:
        yield opened


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    """A second of a tone."""
    from makers_media import make_media, sine

    return make_media(tmp_path_factory.mktemp("media") / "voice.wav", samples=sine(1.0, 8_000)).read_bytes()


@pytest.fixture
def recording(server, sound) -> str:
    """Identifier of a recording in the studio."""
    return json.loads(server.upload("voice.wav", sound).body)["id"]
