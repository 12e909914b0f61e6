"""Train a model with several seeds."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from sentiprism.config import merge, override
from sentiprism.data.binned import binned
from sentiprism.data.dataset import Card, Dataset, Split, TuningView
from sentiprism.data.names import resolve_folders, short_name
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.store import load_dataset, verify_dataset
from sentiprism.metrics import protocol
from sentiprism.models import MODELS
from sentiprism.models.artifact import check_own
from sentiprism.models.fields import check_fields
from sentiprism.models.hub import pin_model
from sentiprism.training.config import RunConfig
from sentiprism.training.draws import check_draws
from sentiprism.training.engine import Engine, check_engine
from sentiprism.training.experiments import other_form, starting_settings
from sentiprism.training.memory import check_memory
from sentiprism.training.options import RunOptions
from sentiprism.training.oracle import make_watcher, oracle_test
from sentiprism.training.progress import TrainingProgress, log_curves
from sentiprism.training.run import Run, check_new, new_folder
from sentiprism.training.selection import selection_rule
from sentiprism.training.transfer import (
    Transfer,
    build_initial_model,
    describe_transfer,
    find_weights,
    plan_transfers,
    record_transfers,
    sources_of,
)
from sentiprism.types import FeatureSpec


def resolve(base: dict[str, Any], assignments: Iterable[str] = ()) -> RunConfig:
    """Build a complete `RunConfig` from a mapping and ``key=value`` texts; the model's settings are validated."""
    return _complete(RunConfig.parse(override(base, assignments), "run configuration"))


def _complete(config: RunConfig) -> RunConfig:
    """Validate and complete the model's settings; this imports the model's module, and torch with it.

    A model that is fitted in closed form keeps only the first seed: every seed gives the same weights.
    """
    check_fields(config.model, config.config)
    model = MODELS[config.model]
    own = model.Config.parse(config.config, f"configuration of {config.model}").model_dump(mode="json")
    return config.model_copy(update={"config": own, "seeds": config.seeds[:1] if model.closed_form else config.seeds})


def train(
    model: str | None = None,
    dataset: str | Path | TuningView | None = None,
    *,
    seeds: int | tuple[int, ...] | None = None,
    init: str | Path | None = None,
    experiment: str | None = None,
    settings: dict[str, Any] | None = None,
    assignments: Iterable[str] = (),
    **options: Unpack[RunOptions],
) -> Run:
    """Train a model with several seeds; the epoch of each is selected on valid only.

    Settings that are not given come from the experiment; without one, from this project's own experiment for the model
    and dataset (``experiments/<model>/sentiprism2026_<dataset>.yaml``), else from the defaults of `RunConfig`.

    Args:
        model: see ``list_models``.
        dataset: a name in the store, a folder, or a dataset; its test split is not used. Several names, separated by
            commas: see `data.joined`.
        seeds: how many, or which; a model that is fitted in closed form is trained with the first only.
        init: model to start from, see `RunConfig`.
        experiment: name (``mdf/jian2026_mosi``) or path of an experiment file.
        settings: changes, nested as in `RunConfig`: ``{"optim": {"epochs": 10}}``.
        assignments: further changes, as ``key=value`` texts.
        options: see `RunOptions`.

    Returns:
        The run.

    Raises:
        UserError: anything the user can fix.
    """
    if isinstance(dataset, TuningView) or dataset is None:
        name = None if dataset is None else dataset.name
    else:
        name = resolve_folders(str(dataset))
    base = starting_settings(model, name, experiment, "run")
    given = {"model": model, "dataset": name, "seeds": seeds, "init": None if init is None else str(init)}
    given = {key: value for key, value in given.items() if value is not None}
    changed = override(merge(merge(base, settings or {}), given), assignments)
    config = RunConfig.parse(changed, "run configuration")
    view = dataset if isinstance(dataset, TuningView) else None
    note = None if experiment is None else other_form(experiment, short_name(config.dataset))
    return launch(config, view, note=note, **options)


def launch(
    config: RunConfig,
    view: TuningView | None = None,
    *,
    note: str | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    """Train a configuration, otherwise as `train`. Checks that do not need torch come first.

    Args:
        config: the run; the model's default settings may be left out.
        view: the dataset; by default ``config.dataset`` from the store.
        note: message shown before the first epoch.
        options: see `RunOptions`.

    Raises:
        UserError: anything the user can fix.
    """
    MODELS.check(config.model)
    out, on_run = options.get("out"), options.get("on_run")
    device, precision = options.get("device", "auto"), options.get("precision", "auto")
    check_engine(device, precision)
    stored = view is None
    view = binned(view or load_dataset(config.dataset, verify=False), config.data.bins)
    test = oracle_test(view, wanted=config.oracle)
    whole, view = view, view.tuning() if isinstance(view, Dataset) else view
    selection_rule(protocol(view.card.protocol), config.optim.select)
    check_draws(view.train, config)
    if config.init is not None:
        config = config.model_copy(update={"init": pin_model(config.init)})
        for source in sources_of(str(config.init), config.seeds).values():
            find_weights(source)
    if out is not None:
        check_new(Path(out))
    config, engine = _complete(config), Engine(device, precision)
    if stored and engine.is_main:  # hashing is slow: after all other checks
        verify_dataset(config.dataset, test=config.oracle)
    folder = engine.gather(Path(out) if out else new_folder(config))[0]  # processes may read different clocks
    inputs = _inputs(view, config, engine, whole)
    if engine.is_main:
        init = record_transfers(str(config.init), inputs.init) if inputs.init else None
        Run.create(folder, config, view.card, str(engine.device), engine.precision, init)
    engine.barrier()
    if on_run is not None:
        on_run(folder)
    return _train(Run(folder), view.card, inputs, engine, test, note=note, **options)


def resume(
    folder: Path | str,
    *,
    seeds: int | tuple[int, ...] | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    """Resume a run that was stopped, with bit-identical results, or add seeds to a run.

    Args:
        folder: of the run.
        seeds: how many, or which, the run has from now on; by default unchanged. A model that is fitted in closed form
            has only one.
        options: see `RunOptions`; ``precision`` cannot differ from the run's.

    Raises:
        UserError: it is not a run folder, its dataset or precision has changed, or a seed would be lost.
    """
    run = Run(folder)
    check_own(run.folder)
    dataset = run.own_dataset()
    run.check_precision(options.get("precision", "auto"))
    device, precision = options.get("device", "auto"), run.environment["precision"]
    seeds = None if MODELS[run.config.model].closed_form else seeds
    view, test, engine = dataset.tuning(), oracle_test(dataset, wanted=run.config.oracle), Engine(device, precision)
    done = seeds is None and run.finished == run.config.seeds  # then the initial weights are no longer needed
    config = run.config if seeds is None else run.with_seeds(seeds)
    inputs = _inputs(view, config.model_copy(update={"init": None}) if done else config, engine, dataset)
    if inputs.init:
        run.check_init({seed: one.weights for seed, one in inputs.init.items()})
    if seeds is not None:
        run.extend(config, write=engine.is_main)
        engine.barrier()
    return _train(run, view.card, inputs, engine, test, **options)


class _Inputs(NamedTuple):
    """Features, splits and initial weights of a run."""

    features: FeatureSpec
    train: PreparedSplit
    valid: PreparedSplit
    init: dict[int, Transfer]
    """Tensors that each seed starts from; empty = fresh weights."""


def _inputs(view: TuningView, config: RunConfig, engine: Engine, whole: TuningView) -> _Inputs:
    """Prepare the splits, after checking that the model can be built, trained and fits in memory.

    From the test split of ``whole``, only the names of videos are read, and only if the run starts from saved weights.
    """
    from sentiprism.models.outline import outline
    from sentiprism.training.closed_form import check_closed_form
    from sentiprism.training.optimizer import check_groups, check_in_backward

    check_in_backward(config.optim, engine)
    with engine.main_first():
        features = prepare(view, config.data)
        model = outline(config.model, features, view.card.target, config.config)
        check_groups(model, config.optim)
        check_closed_form(model, config)
        check_memory(model, config.optim, engine.memory)
        init = {} if config.init is None else plan_transfers(config.init, config.seeds, model, whole)
        train, valid = (PreparedSplit(split, features) for split in (view.train, view.valid))
        inputs = _Inputs(features, train, valid, init)
        check_memory(model, config.optim, engine.memory, inputs.train)
    return inputs


def _train(
    run: Run,
    card: Card,
    inputs: _Inputs,
    engine: Engine,
    test: Split | None,
    *,
    note: str | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    from sentiprism.training.loop import Trainer
    from sentiprism.training.training_data import TrainingData

    config = run.config
    scorer = protocol(card.protocol)
    data = TrainingData(inputs.train, inputs.valid, scorer)
    metadata = {
        "dataset": card.name,
        "content": card.content,
        "language": card.language,
        "protocol": card.protocol,
    }
    with TrainingProgress(quiet=options.get("quiet", False) or not engine.is_main) as progress:
        progress.note(f"run: {run.folder}")
        if note is not None:
            progress.note(note)
        for modality in set(card.widths) - set(inputs.features.present()):
            progress.note(f"{modality} is missing in all of train: the model is built without it")
        if MODELS[config.model].closed_form:
            progress.note(
                f"{config.model} is fitted in closed form: every seed gives the same model, so it is trained once"
            )
        for line in card.joined:
            progress.note(line)
        for transfer in [*inputs.init.values()][:1]:  # those of the other seeds have other values alone
            for line in transfer.describe(describe_transfer(str(config.init))):
                progress.note(line)
        for seed in config.seeds:
            if seed in run.finished:
                continue
            model = build_initial_model(config, inputs.features, card, seed, inputs.init.get(seed))
            folder = run.seed_folder(seed)
            watch = (
                make_watcher(PreparedSplit(test, inputs.features), scorer, engine, folder) if test is not None else None
            )
            trainer = Trainer(config, seed, model, data, folder, engine, metadata, watch)
            with log_curves(folder if options.get("tensorboard") and engine.is_main else None) as log:
                best = trainer.run(progress, log)
            if engine.is_main:
                run.record(seed, best)
                trainer.last.unlink(missing_ok=True)  # only after recording: if killed in between, no training is lost
            engine.barrier()
            del trainer, model
            engine.release()
    return run
