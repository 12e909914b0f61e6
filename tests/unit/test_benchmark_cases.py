"""What a benchmark measures of an experiment: its model, settings, encoder, batch size and shapes."""

import pytest
import torch

from sentiprism.benchmark.cases import BERTS, cases, encoder_folder, vocabulary
from sentiprism.benchmark.cost import bench, cost, make_trainer
from sentiprism.benchmark.shapes import DISTRIBUTED
from sentiprism.errors import UserError
from sentiprism.models import MODELS
from sentiprism.training.experiments import load_experiment
from sentiprism.training.train import resolve


def of(name, tmp_path, **options):
    (found,) = cases([], [name], options.get("encoder"), options.get("batch_size"), tmp_path / "encoders")
    return found


def test_an_experiment_brings_its_model_settings_and_shapes(tmp_path, minilm):
    run = resolve(load_experiment("dpdf_lq/zhou2025_mosei").run)
    found = of("dpdf_lq/zhou2025_mosei", tmp_path)
    assert (found.name, found.model, found.config) == ("dpdf_lq/zhou2025_mosei", "dpdf_lq", run.config)
    assert (found.dataset, found.batch_size) == ("mosei_aligned", run.optim.batch_size)
    assert vocabulary(found.encoder, 30522) == 30522
    assert of("dpdf_lq/zhou2025_mosei", tmp_path, encoder="none", batch_size=3)[4:] == (None, 0, 3)


def test_a_frozen_encoders_text_comes_as_features_and_frozen_layers_are_kept(tmp_path, minilm):
    assert of("tmt_amw/yan2025_sims", tmp_path).encoder is None
    assert of("misa/hazarika2020_mosi", tmp_path).frozen_layers == 9
    chinese = of("self_mm/yu2021_sims", tmp_path)
    assert (chinese.dataset, vocabulary(chinese.encoder, 30522)) == ("sims", BERTS["bert-base-chinese"])


def test_models_and_experiments_are_measured_beside_each_other(tmp_path, minilm):
    both = cases(["text_only"], ["tmt_amw/yan2025_sims"], "none", 4, tmp_path)
    assert [(one.name, one.dataset, one.batch_size) for one in both] == [
        ("text_only", "mosi", 4),
        ("tmt_amw/yan2025_sims", "sims", 4),
    ]
    assert [one.name for one in cases([], [], "none", None, tmp_path)] == list(MODELS)


def test_what_cannot_be_measured_is_refused(tmp_path):
    with pytest.raises(UserError, match="no experiment is called 'mdf/jian2026_mossi'"):
        of("mdf/jian2026_mossi", tmp_path)
    with pytest.raises(UserError, match="the shapes of ravdess are not known; choose one of: mosi"):
        of("mdf/sentiprism2026_ravdess", tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_here_is_refused():
    with pytest.raises(UserError, match="device 'cuda' is not available here"):
        bench(["mdf"], encoder="none", device="cuda")


@pytest.mark.parametrize("name", ["mosi_aligned", "mosei", "sims"])
def test_batches_have_the_shapes_of_the_experiments_dataset(name, tmp_path):
    shapes, one = DISTRIBUTED[name], of("tmt_amw/yan2025_mosi", tmp_path)
    made = make_trainer(one._replace(dataset=name), "padded")
    batch = made.train.batch([0, 1, 2])
    assert [getattr(batch, m).mask.shape[1] for m in shapes.steps] == list(shapes.steps.values())
    assert [getattr(batch, m).values.shape[2] for m in ("audio", "vision")] == list(shapes.widths.values())
    real = make_trainer(one._replace(dataset=name), "real").train.batch([0, 1, 2])
    lengths = [getattr(real, m).mask.sum(1).tolist() for m in ("text", "audio", "vision")]
    assert (lengths[0] == lengths[1] == lengths[2]) == shapes.aligned
    assert all(max(found) <= most for found, most in zip(lengths, shapes.steps.values(), strict=True))


def test_its_settings_are_in_force(tmp_path):
    one = of("tmt_amw/yan2025_mosi", tmp_path, batch_size=4)
    made = make_trainer(one, "real")
    assert made.model.config == MODELS["tmt_amw"].Config.parse(one.config)
    found = cost(made, steps=1, rounds=1)
    default = cost(make_trainer(one._replace(config={"width": 16, "depth": 1, "cross_depth": 1}), "real"), 1, 1)
    assert found["parameters"] > 10 * default["parameters"]


def test_the_process_of_its_own_is_told_everything():
    (found,) = bench(
        experiments=["lf_dnn/williams2018_sims"], steps=1, rounds=1, threads=1, forms=["real"], batch_size=4
    )
    assert (found.model, found.error, found.batch_size) == ("lf_dnn/williams2018_sims", "", 4)
    assert found.parameters > 0


def test_an_encoder_is_made_once_with_its_own_vocabulary(tmp_path, minilm):
    folder = encoder_folder("bert-base-chinese", tmp_path / "a")
    assert vocabulary(str(folder), 30522) == 21128
