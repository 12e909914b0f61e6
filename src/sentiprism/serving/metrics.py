"""Metrics of a server in Prometheus' format."""

from time import monotonic
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sentiprism.serving.batcher import Batcher
from sentiprism.serving.jobs import Jobs

ROUTES = (
    "/health",
    "/ready",
    "/metrics",
    "/openapi.json",
    "/asyncapi.json",
    "/v1/model",
    "/v1/predict",
    "/v1/analyze",
    "/v1/stream",
)
JOBS = "/v1/jobs/"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters of requests, and gauges of the queues; labels have a fixed set of values.

    Args:
        batcher: of the server.
        jobs: of the server.
    """

    def __init__(self, batcher: Batcher, jobs: Jobs) -> None:
        self._registry = CollectorRegistry()
        names = ("route", "status")
        self._requests = Counter("sentiprism_requests", "Responses.", names, registry=self._registry)
        self._seconds = Histogram(
            "sentiprism_request_seconds", "To the response.", ("route",), registry=self._registry, buckets=SECONDS
        )
        for name, text, read in (
            ("ready", "1 = the model is loaded.", lambda: batcher.worker.ready),
            ("predict_waiting", "Samples that wait.", lambda: batcher.queued),
            ("predict_samples", "Samples predicted since the start.", lambda: batcher.samples),
            ("predict_batches", "Batches predicted since the start.", lambda: batcher.batches),
            ("jobs_waiting", "Analyses that wait.", lambda: jobs.waiting),
            ("jobs_running", "Analyses that are worked on.", lambda: jobs.running),
        ):
            Gauge(f"sentiprism_{name}", text, registry=self._registry).set_function(read)

    def count(self, path: str, status: int, begun: float) -> None:
        """Count a response.

        Args:
            path: of the request.
            status: of the response.
            begun: when the request arrived, by the monotonic clock.
        """
        route = path if path in ROUTES else f"{JOBS}ID" if path.startswith(JOBS) else "other"
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(monotonic() - begun)

    def to_text(self) -> bytes:
        """All metrics as text."""
        text: Any = generate_latest(self._registry)
        return bytes(text)
