"""Predictions over HTTP: the same as the library's, in any batch, and refused where they make no sense."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from makers_serve import WIDTHS, Served, needs_unix, serving, small_model, wait_for
from sentiprism.analysis.predictor import Predictor
from sentiprism.serving.predictions import predict_items
from sentiprism.serving.samples import Item, Sample

pytestmark = needs_unix


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    with serving(model, tmp_path_factory.mktemp("work")) as opened:
        yield opened


def steps(name: str, count: int, seed: int) -> list[list[float]]:
    return np.random.default_rng(seed).normal(0, 10, (count, WIDTHS[name])).round(3).tolist()


def samples() -> list[dict[str, object]]:
    """Forty samples with every set of modalities and other lengths each."""
    found = []
    for seed in range(40):
        one: dict[str, object] = {}
        if seed % 7:
            one["text"] = " ".join(f"w{(seed * 3 + n) % 90}" for n in range(1 + seed % 9))
        if seed % 3 or not one:
            one["audio"] = steps("audio", 1 + 5 * seed, seed)
        if seed % 2:
            one["vision"] = steps("vision", 1, seed)
        found.append(one)
    return found


@pytest.fixture(scope="module")
def predictor(model):
    """The library's own, in this process."""
    return Predictor(model, "cpu", recordings=False)


def alone(predictor: Predictor, sample: dict[str, object], *, contributions: bool = False) -> dict[str, object]:
    """The library's prediction of one sample."""
    return predict_items(predictor, [Item(Sample(**sample).model_dump(mode="json"), contributions)])[0]


def close(found: dict, wanted: dict) -> bool:
    """Equal up to the rounding of sums in another order."""
    flat = [[one["estimate"]["value"], *(one["weights"] or {}).values()] for one in (found, wanted)]
    return flat[0] == pytest.approx(flat[1], abs=1e-5) and found["present"] == wanted["present"]


def test_a_sample_has_one_prediction_in_any_batch(server: Served, predictor):
    given = samples()
    wanted = [alone(predictor, one) for one in given]
    assert len({round(one["estimate"]["value"], 4) for one in wanted}) > 30, "they differ"
    together = server.predict(*given).json["predictions"]
    assert all(map(close, together, wanted))
    before, count = server.service.batcher.batches, server.service.batcher.samples
    with ThreadPoolExecutor(40) as pool:
        replies = list(pool.map(server.predict, given))
    assert all(close(reply.json["predictions"][0], one) for reply, one in zip(replies, wanted, strict=True))
    assert server.service.batcher.samples - count == 40
    assert server.service.batcher.batches - before < 30, "samples of several requests shared a batch"


def test_contributions_sum_to_the_prediction(server: Served, predictor):
    one = {"text": "w1 w2", "audio": steps("audio", 20, 1)}
    found = server.predict(one, contributions=True).json["predictions"][0]
    assert found["base"] + sum(found["contributions"].values()) == pytest.approx(found["estimate"]["value"], abs=1e-5)
    assert found["contributions"]["vision"] == 0
    assert found["present"] == ["text", "audio"]
    assert found["contributions"] == pytest.approx(alone(predictor, one, contributions=True)["contributions"], abs=1e-5)


def test_masks_leave_padding_out_and_words_are_a_text(server: Served):
    real, garbage = steps("audio", 12, 2), steps("audio", 5, 3)
    padded = {"words": ["w1", "w2"], "audio": real + garbage, "masks": {"audio": [True] * 12 + [False] * 5}}
    plain = {"text": "w1 w2", "audio": real}
    found = server.predict(padded, plain).json["predictions"]
    assert close(*found)


@pytest.mark.parametrize(
    ("sample", "cause"),
    [
        ({}, "samples.0 is empty"),
        ({"text": "  "}, "samples.0 is empty"),
        ({"audio": []}, "samples.0 is empty"),
        ({"audio": [[0.0] * 62], "masks": {"audio": [False]}}, "samples.0 is empty"),
        ({"text": "a", "words": ["a"]}, "both text and words"),
        ({"audio": [[0.0] * 62, [0.0] * 61]}, "samples.0.audio.1 has 61 features, not 62"),
        ({"text": "a", "audio": [[0.0] * 62], "masks": {"audio": [True, True]}}, "masks.audio has 2 steps"),
        ({"text": "a", "masks": {"vision": [True]}}, "masks.vision has 1 steps, its features none"),
        ({"token_ids": [1, 2]}, "token_ids is not an input of this model"),
        ({"text_features": [[1.0]]}, "text_features is not an input of this model"),
        ({"text": "a", "context": ["b"]}, "context is not read by this model"),
        ({"audio": [["1.0"] * 62]}, "should be a number"),
        ({"audio": [[True] * 62]}, "should be a number"),
        ({"audio": [[1e10] * 62]}, "at most"),
        ({"txt": "a"}, "samples.0.txt is not a known key"),
    ],
)
def test_a_sample_that_does_not_fit_the_model_is_refused(server: Served, sample, cause):
    reply = server.predict(sample)
    assert reply.status == 422
    assert cause in reply.problem
    assert reply.json["remedy"]


def test_a_worker_that_is_killed_is_replaced(server: Served):
    assert server.predict({"text": "w1"}).status == 200
    pid = server.service.batcher.worker.pid
    os.kill(pid, signal.SIGKILL)
    assert server.predict({"text": "w1"}).status == 200
    assert server.service.batcher.worker.pid != pid
    wait_for(lambda: server.get("/ready").status == 200, "a new worker")


def test_the_card_says_what_to_send(server: Served):
    card = server.get("/v1/model").json
    assert card["modalities"] == ["text", "audio", "vision"]
    assert len(card["features"]["audio"]["recipe"]["columns"]) == WIDTHS["audio"] == card["features"]["audio"]["width"]
    assert card["target"] == {"kind": "intensity", "low": -3.0, "high": 3.0, "classes": []}
    assert card["recordings"] is True
    assert "/" not in str(card["features"]["text"]["encoder"]), "no place on this machine is told"


def test_metrics_count_requests_and_samples_by_a_fixed_set_of_labels(server: Served):
    def read() -> dict[tuple[str, str, str], float]:
        families = text_string_to_metric_families(server.get("/metrics").body.decode())
        samples = [sample for family in families for sample in family.samples]
        return {(one.name, one.labels.get("route", ""), one.labels.get("status", "")): one.value for one in samples}

    before = read()
    assert server.predict({"text": "w1"}, {"text": "w2"}).status == 200
    assert server.predict({}).status == 422
    for name in range(5):
        server.get(f"/v1/jobs/{name:032}")
        server.get(f"/nothing/{name}")
    after = read()

    def more(name: str, route: str = "", status: str = "") -> float:
        return after[name, route, status] - before.get((name, route, status), 0)

    requests = "sentiprism_requests_total"
    assert more(requests, "/v1/predict", "200") == more(requests, "/v1/predict", "422") == 1
    assert more(requests, "/v1/jobs/ID", "404") == more(requests, "other", "404") == 5
    assert more("sentiprism_request_seconds_count", "/v1/predict") == 2
    assert more("sentiprism_predict_samples") == 2
    assert after["sentiprism_ready", "", ""] == 1
    assert after["sentiprism_jobs_waiting", "", ""] == after["sentiprism_jobs_running", "", ""] == 0
