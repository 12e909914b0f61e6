"""Run all contracts for models, extractors and metrics by name."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from sentiprism.contracts.result import Outcome, run_check
from sentiprism.errors import UserError, suggest
from sentiprism.plugins import REGISTRIES, registry


def check_names(names: Mapping[str, list[str]]) -> Iterator[Outcome]:
    """Yield the outcome of each contract for the given names.

    Args:
        names: by kind, as from `load_plugin`.
    """
    suites: dict[str, Callable[[str], Iterator[Outcome]]] = {
        "model": check_model,
        "extractor": check_extractor,
        "metric": check_metric,
        "importer": check_importer,
    }
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it logs libraries that are not needed
    for noun, own in names.items():
        for name in own:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # from torch's exporter, and about small batches
                yield from suites[noun](name)


def find_kinds(name: str) -> dict[str, list[str]]:
    """Find the kinds that have an entry with a name.

    Raises:
        UserError: the name is unknown.
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
            return  # the other checks cannot build the model
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
    """Importers are checked by importing: the store validates the result."""
    yield Outcome(name, "import", "not run", f"try it: sentiprism dataset add NAME --importer {name}=PATH")
