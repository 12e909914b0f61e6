"""Requests made from the OpenAPI document: whatever it allows or forbids gets what it describes."""

from contextlib import nullcontext, suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from makers_serve import needs_unix, serving, small_model, wait_for

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis (extra dev) is not installed")
checks = pytest.importorskip("schemathesis.specs.openapi.checks", reason="schemathesis (extra dev) is not installed")
ACCEPTANCE = checks.positive_data_acceptance
"""Not asked for: what a sample needs depends on the model, and not every file is a recording."""
pytestmark = needs_unix
EXAMPLES = 15
"""Requests per operation and test."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    with serving(small_model(folder), folder / "work", asr="none", wait=0.2) as opened:
        wait_for(lambda: opened.get("/ready").status == 200, "the model")
        yield opened


def test_what_is_described_is_what_happens(server):
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 9
    for operation in operations:
        for mode in schemathesis.GenerationMode:

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                phases=(Phase.explicit, Phase.generate),
                suppress_health_check=list(HealthCheck),
            )
            def check(case):
                case.call_and_validate(excluded_checks=[ACCEPTANCE])

            wrong = mode is schemathesis.GenerationMode.NEGATIVE  # not possible for one without parameters
            with suppress(Unsatisfiable) if wrong else nullcontext():
                check()
        assert server.get("/health").status == 200
