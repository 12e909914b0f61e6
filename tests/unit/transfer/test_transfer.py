"""A run that starts from the weights of another one, of a saved model or of the starter."""

import json
import shlex
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from makers_models import small
from makers_text import WORDS, tiny_bert
from makers_transfer import fit
from sentiprism.data.prepare import prepare
from sentiprism.errors import UserError
from sentiprism.files import sha256
from sentiprism.models import load_model
from sentiprism.models.artifact import folder_of
from sentiprism.reproduction.command import shortest_command
from sentiprism.reproduction.result import read_result
from sentiprism.training import loop
from sentiprism.training.config import RunConfig
from sentiprism.training.run import Run
from sentiprism.training.train import resolve, resume, train
from sentiprism.training.transfer import Transfer, build_initial_model, find_weights, load_transfer, plan_transfer

WEIGHTS = "weights.safetensors"
SEEDS = (1111, 1112)


def weights(run: Run, seed: int = 1111) -> dict[str, torch.Tensor]:
    return load_file(run.seed_folder(seed) / "model" / WEIGHTS)


def begun(run: Run) -> tuple[Transfer, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """What a run begins with, as `train` makes it; and the same without ``init``."""
    dataset = run.load_dataset()
    features = prepare(dataset.tuning(), run.config.data)
    fresh = build_initial_model(run.config, features, dataset.card, 1111, None)
    plan = plan_transfer(run.config.init, fresh)
    model = build_initial_model(run.config, features, dataset.card, 1111, plan)
    return plan, model.state_dict(), fresh.state_dict()


def test_every_tensor_of_the_same_model_is_taken_those_of_the_tuned_encoder_too(source, encoder, tmp_path):
    run = fit("second", tmp_path / "run", encoder, init=source.folder)
    plan, state, _ = begun(run)
    before = weights(source)
    assert plan.left == ()
    assert len(plan.taken) == len(before) == run.environment["init"]["taken"]
    assert any(name.startswith("text_encoder.backbone.") for name in plan.taken)
    assert all(torch.equal(state[name], before[name]) for name in before)


def test_the_same_init_and_seed_give_the_same_run_and_another_init_another(source, encoder, tmp_path):
    runs = [fit("second", tmp_path / name, encoder, init=source.folder) for name in ("a", "b")]
    other = fit("second", tmp_path / "c", encoder, init=source.seed_folder(1112))
    fresh = fit("second", tmp_path / "d", encoder)
    one = weights(runs[0])
    assert all(torch.equal(one[name], tensor) for name, tensor in weights(runs[1]).items())
    for different in (other, fresh):
        assert any(not torch.equal(one[name], tensor) for name, tensor in weights(different).items())


def test_what_has_another_shape_is_initialised_as_without_init(source, encoder, tmp_path):
    run = fit("wide", tmp_path / "run", encoder, init=source.folder)
    plan, state, fresh = begun(run)
    assert plan.left
    assert len(plan.left) < len(plan.taken)
    assert all("audio" in name and torch.equal(state[name], fresh[name]) for name in plan.left)
    assert run.environment["init"]["left"] == plan.left
    told = plan.describe("run")
    assert told[0].startswith(f"started from run: {len(plan.taken)} of {len(state)} tensors were loaded")
    assert told[1] == f"newly initialised: {', '.join(plan.left)}"


def test_a_run_a_seed_a_model_and_the_starter_are_found(source, tmp_path):
    first = source.seed_folder(1111) / "model"
    assert find_weights(str(source.folder)) == find_weights(str(source.seed_folder(1111))) == first
    assert find_weights(str(first)) == first
    assert find_weights(str(source.seed_folder(1112))) == source.seed_folder(1112) / "model"
    assert (find_weights("starter") / WEIGHTS).is_file()
    with pytest.raises(UserError, match="does not contain a saved model; give a run folder"):
        find_weights(str(tmp_path))
    shutil.copytree(source.folder, tmp_path / "begun", ignore=shutil.ignore_patterns("summary.json"))
    with pytest.raises(UserError, match=r"no seed of .* is finished; resume it"):
        find_weights(str(tmp_path / "begun"))


def test_what_agrees_in_nothing_is_refused_before_anything_is_written(source, encoder, tmp_path):
    settings = {"data": {"text": {"encoder": str(encoder), "mode": "frozen"}}}
    with pytest.raises(UserError, match=r"no tensor of .* has the name and shape of a tensor of this ef_lstm"):
        train("ef_lstm", "second", init=source.folder, settings=settings, out=tmp_path / "run", device="cpu")
    with pytest.raises(UserError, match="does not contain a saved model"):
        fit("second", tmp_path / "run", encoder, init=tmp_path / "nowhere")
    assert not (tmp_path / "run").exists()


def test_nothing_of_another_text_encoder_is_taken(source, encoder, tmp_path):
    other = tiny_bert(tmp_path / "other", seed=5, words=WORDS)
    run = fit("second", tmp_path / "run", other, init=source.folder)
    plan, *_ = begun(run)
    assert plan.taken
    assert not any(name.startswith("text_encoder.") for name in plan.taken)
    assert plan.notes == ("text: it was trained on tiny, this run uses other",)


def test_the_features_are_standardised_by_the_new_datasets_train_split(source, encoder, tmp_path):
    run = fit("second", tmp_path / "run", encoder, init=source.folder, settings={"data": {"normalize": "train"}})
    alone = fit("second", tmp_path / "alone", encoder, settings={"data": {"normalize": "train"}})
    specs = [load_model(one.seed_folder(1111) / "model").model.features.audio for one in (run, alone)]
    assert specs[0] == specs[1]
    assert specs[0].mean is not None


def test_half_precision_weights_become_the_models_own(source, tmp_path):
    """The starter's are stored so."""
    folder = tmp_path / "model"
    shutil.copytree(source.seed_folder(1111) / "model", folder)
    stored = load_file(folder / WEIGHTS)
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in stored.items()}
    save_file(half, folder / WEIGHTS)
    model = load_model(source.seed_folder(1112) / "model").model
    plan = plan_transfer(str(folder), model)
    load_transfer(plan, model)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, half[name].to(tensor.dtype)), name
        assert tensor.dtype == stored[name].dtype


def test_weights_that_are_not_finite_are_refused(source, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(source.seed_folder(1111) / "model", folder)
    stored = load_file(folder / WEIGHTS)
    name = next(name for name in stored if "audio" in name and stored[name].is_floating_point())
    save_file({**stored, name: stored[name] * float("nan")}, folder / WEIGHTS)
    model = load_model(source.seed_folder(1112) / "model").model
    with pytest.raises(UserError, match=f"{name} of .* has values that are not finite"):
        load_transfer(plan_transfer(str(folder), model), model)


def test_weights_that_changed_since_they_were_planned_are_refused(source, tmp_path):
    """Of the same names and shapes: the second seed would start from others than the first."""
    folder = tmp_path / "model"
    shutil.copytree(source.seed_folder(1111) / "model", folder)
    model = load_model(folder).model
    plan = plan_transfer(str(folder), model)
    load_transfer(plan, model)
    save_file({name: tensor + 1 for name, tensor in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)
    with pytest.raises(UserError, match=r"the weights of .*model have changed since the run began; train a new run"):
        load_transfer(plan, model)


class StoppedError(BaseException):
    """Stands for a kill."""


def test_a_stopped_run_resumes_to_the_same_weights(source, encoder, tmp_path, monkeypatch):
    whole = fit("second", tmp_path / "whole", encoder, init=source.folder, seeds=2)
    save = loop.save_checkpoint

    def stop(path, model, optimizer, progress):
        save(path, model, optimizer, progress)
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stop)
        with pytest.raises(StoppedError):
            fit("second", tmp_path / "part", encoder, init=source.folder, seeds=2)
    part = resume(tmp_path / "part", device="cpu", quiet=True)
    for seed in (1111, 1112):  # the second one begins after the resume
        assert all(torch.equal(weights(whole, seed)[name], tensor) for name, tensor in weights(part, seed).items())


def test_a_run_does_not_resume_with_other_weights_to_start_from(source, encoder, tmp_path):
    own = tmp_path / "source"
    shutil.copytree(source.folder, own)
    run = fit("second", tmp_path / "run", encoder, init=own)
    path = own / "seed-1111" / "model" / WEIGHTS
    save_file({name: tensor + 1 for name, tensor in load_file(path).items()}, path)
    with pytest.raises(UserError, match="the weights that run starts from have changed since it began"):
        resume(run.folder, seeds=2, device="cpu", quiet=True)
    shutil.rmtree(own)  # a finished run does without it
    assert resume(run.folder, device="cpu", quiet=True).finished == (1111,)


def test_each_seed_starts_from_the_same_seed_of_another_run(source, encoder, tmp_path):
    place = f"{source.folder}/seed-{{seed}}"
    run = fit("second", tmp_path / "run", encoder, init=place, seeds=2)
    assert run.environment["init"]["seeds"] == {
        str(seed): sha256(find_weights(f"{source.seed_folder(seed)}") / WEIGHTS) for seed in SEEDS
    }
    for seed in SEEDS:
        alone = fit("second", tmp_path / str(seed), encoder, init=source.seed_folder(seed), seeds=(seed,))
        one = weights(run, seed)
        assert all(torch.equal(one[name], tensor) for name, tensor in weights(alone, seed).items())
    with pytest.raises(UserError, match=r"seed-1113 does not contain a saved model"):
        resume(run.folder, seeds=3, device="cpu")
    assert run.config.seeds == Run(run.folder).config.seeds == SEEDS
    with pytest.raises(UserError, match=r"seed-1113 does not contain a saved model"):
        fit("second", tmp_path / "more", encoder, init=place, seeds=3)
    assert not (tmp_path / "more").exists()


def test_a_seed_is_added_from_its_own_and_a_changed_one_is_refused(source, encoder, tmp_path):
    copy = tmp_path / "source"
    shutil.copytree(source.folder, copy)
    run = fit("second", tmp_path / "run", encoder, init=f"{copy}/seed-{{seed}}", seeds=1)
    both = fit("second", tmp_path / "both", encoder, init=f"{source.folder}/seed-{{seed}}", seeds=2)
    run = resume(run.folder, seeds=2, device="cpu")
    assert all(torch.equal(weights(run, 1112)[name], tensor) for name, tensor in weights(both, 1112).items())
    shutil.copytree(copy / "seed-1112", copy / "seed-1113")
    shutil.copy(copy / "seed-1112" / "model" / WEIGHTS, copy / "seed-1111" / "model" / WEIGHTS)
    with pytest.raises(UserError, match="the weights that run starts from have changed"):
        resume(run.folder, seeds=3, device="cpu")


def test_an_experiment_names_its_init_and_results_say_the_command(source, encoder, tmp_path, monkeypatch):
    monkeypatch.chdir(source.folder.parent)
    run = fit("second", tmp_path / "run", encoder, init="run")
    assert run.config.init == str(source.folder)  # it can be resumed from elsewhere
    words = shlex.split(shortest_command(run.config))
    assert (words[words.index("--init") + 1], "init=" in "".join(words)) == ("run", False)
    described = {**run.config.model_dump(mode="json"), "init": "run"}
    paper = {"title": "A paper", "source": "", "selection": "", "run": described}
    (tmp_path / "paper.yaml").write_text(yaml.safe_dump(paper))
    again = train(experiment=str(tmp_path / "paper.yaml"), out=tmp_path / "again", device="cpu", quiet=True)
    assert again.config == run.config
    assert all(torch.equal(weights(run)[name], tensor) for name, tensor in weights(again).items())
    assert resolve({"model": "mdf", "dataset": "mosi"}).init is None
    assert RunConfig.parse({"model": "mdf", "dataset": "mosi", "init": "starter"}).init == "starter"
    assert json.loads((run.folder / "environment.json").read_text())["init"]["source"] == str(source.folder)
    found = read_result(run, "cpu")
    assert found.reader == f"tiny, tuned, from {source.name}"
    assert found.table != read_result(source, "cpu").table  # its reference is a run that started from the same


def test_a_model_in_closed_form_starts_from_nothing(source, encoder, tmp_path):
    settings = {"data": {"text": {"encoder": str(encoder), "mode": "frozen"}}}
    with pytest.raises(UserError, match="ridge is fitted in closed form, where init has no effect"):
        train("ridge", "second", init=source.folder, settings=settings, out=tmp_path / "r", device="cpu", quiet=True)


def test_the_starter_can_be_started_from(encoder, tmp_path):
    """Its voice reads 62 columns, the dataset has 5: what stands behind them is taken all the same."""
    config = json.loads((folder_of("starter") / "config.json").read_text())["config"]
    data = {"text": {"encoder": str(encoder), "mode": "frozen"}}
    settings = {"config": config, "data": data, "optim": {"epochs": 1}}
    run = train("lf_dnn", "second", init="starter", settings=settings, out=tmp_path, device="cpu", quiet=True)
    assert run.environment["init"]["taken"] > 0
    assert run.environment["init"]["source"] == "starter"


def test_what_a_model_remembers_of_its_utterances_is_not_taken(store, tmp_path):
    settings = {"config": small("fine"), "data": {"text": {"encoder": None}}, "optim": {"epochs": 1, "batch_size": 8}}
    run = train("fine", "first", settings=settings, out=tmp_path / "a", device="cpu", quiet=True)
    model = load_model(run.seed_folder(1111) / "model").model
    weights_ = {name for name, _ in model.named_parameters()}
    assert any(name.endswith("labels") for name in {*model.state_dict()} - weights_)  # of its queue
    assert {*plan_transfer(str(run.folder), model).taken} == weights_
