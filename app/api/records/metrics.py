"""Collect Prometheus metrics: requests, latency, served generation, dropped request records."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.api.records.request_log import RequestLog

# seconds; a stored forecast takes about 1 ms, a what-if request about all stores about 1 s
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Prometheus metrics of one API application, in a registry of their own.

    Args:
        request_log: Request log, whose number of dropped records is one of the metrics; None if
            requests are not logged.
    """

    def __init__(self, request_log: RequestLog | None) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "rossmann_api_requests",
            "Number of answered requests.",
            ("method", "path", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "rossmann_api_request_seconds",
            "Seconds from the first byte of a request to the last byte of its response.",
            ("path",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._generation = Gauge(
            "rossmann_api_generation_published_timestamp_seconds",
            "Time at which the served generation was published.",
            ("generation_id",),
            registry=self._registry,
        )
        if request_log is not None:
            Gauge(
                "rossmann_api_request_records_dropped",
                "Number of requests answered but not recorded.",
                registry=self._registry,
            ).set_function(lambda: request_log.dropped)

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count an answered request, and add its duration to the histogram of latency.

        Args:
            method: HTTP method.
            path: Template of the route, such as ``/stores/{store_id}``, because the actual paths
                would make one time series for every store.
            status: HTTP status of the response.
            seconds: Duration of the request in seconds.
        """
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def serves(self, generation_id: str, published_at: float) -> None:
        """Show in the metrics which generation is served from now on, instead of the previous one.

        Args:
            generation_id: Id of the generation.
            published_at: Time of its publication, in seconds since 1970 (UTC).
        """
        self._generation.clear()
        self._generation.labels(generation_id).set(published_at)

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
