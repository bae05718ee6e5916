"""What Prometheus is told: requests, latency, the generation, and what the request log dropped."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

# seconds: a stored forecast takes under a millisecond, a what-if of every store about one second
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "rossmann_api_requests",
            "Requests answered.",
            ("method", "path", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "rossmann_api_request_seconds",
            "Time from a request's first byte to its answer's last.",
            ("path",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._generation = Gauge(
            "rossmann_api_generation_published_timestamp_seconds",
            "When the generation that is served was published.",
            ("generation_id",),
            registry=self._registry,
        )

    def watch(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Show a figure that something else counts."""
        Gauge(name, meaning, registry=self._registry).set_function(value)

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count an answer; ``path`` is a route's template, so that the series stay few."""
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def serves(self, generation_id: str, published_at: float) -> None:
        """Note the generation that is served from now on."""
        self._generation.clear()
        self._generation.labels(generation_id).set(published_at)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
