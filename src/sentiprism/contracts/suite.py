"""The whole suite over models, extractors and metrics by name, one outcome a contract."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from sentiprism.contracts.result import Outcome, run_check
from sentiprism.errors import UserError, suggest
from sentiprism.plugins import REGISTRIES, registry


def check_names(names: Mapping[str, list[str]]) -> Iterator[Outcome]:
    """Check what is named, each contract as soon as it is asked for.

    Args:
        names: by kind, as `load_plugin` gives them.
    """
    suites: dict[str, Callable[[str], Iterator[Outcome]]] = {
        "model": check_model,
        "extractor": check_extractor,
        "metric": check_metric,
        "importer": check_importer,
    }
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it lists libraries that nobody needs
    for noun, own in names.items():
        for name in own:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of torch's exporter, and of small batches
                yield from suites[noun](name)


def find_kinds(name: str) -> dict[str, list[str]]:
    """Kinds that a name is one of.

    Raises:
        UserError: nothing is called so.
    """
    found = {noun: [name] for noun in REGISTRIES if name in registry(noun)}
    if not found:
        every = [known for noun in REGISTRIES for known in registry(noun)]
        raise UserError(f"no {', '.join([*REGISTRIES][:-1])} or importer is called {name!r}", suggest(name, every))
    return found


def check_model(name: str) -> Iterator[Outcome]:
    """Contracts of models, of their presets and of training."""
    from sentiprism.contracts.inputs import specs
    from sentiprism.contracts.models import ON_BATCHES
    from sentiprism.contracts.presets import OF_PRESETS, exception_of, presets_of
    from sentiprism.contracts.training import WHILE_TRAINED
    from sentiprism.models import MODELS

    declared = MODELS[name].exceptions
    for contract in ON_BATCHES:
        check = partial(contract.check, name, specs())
        outcome = run_check(name, contract.name, check, declared.get(contract.name, ""))
        yield outcome
        if contract.name == "small" and outcome.state == "failed":
            return  # nothing else can be built
    for preset in presets_of(name):
        for contract in OF_PRESETS:
            check, reason = partial(contract.check, name, preset), exception_of(name, contract.name, preset)
            yield run_check(name, f"{contract.name} under {preset}", check, reason)
    for contract in WHILE_TRAINED:
        yield run_check(name, contract.name, partial(contract.check, name), declared.get(contract.name, ""))


def check_extractor(name: str) -> Iterator[Outcome]:
    """Contracts of extractors."""
    from sentiprism.contracts.extractors import OF_EXTRACTORS

    for contract in OF_EXTRACTORS:
        yield run_check(name, contract.name, partial(contract.check, name))


def check_metric(name: str) -> Iterator[Outcome]:
    """Contracts of metrics."""
    from sentiprism.contracts.metrics import OF_METRICS

    for contract in OF_METRICS:
        yield run_check(name, contract.name, partial(contract.check, name))


def check_importer(name: str) -> Iterator[Outcome]:
    """An importer is checked by what it reads: the store refuses what does not fit."""
    yield Outcome(name, "import", "not run", f"try it: sentiprism dataset add NAME --importer {name}=PATH")
