"""What is counted and timed, for Prometheus."""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

# When a series began is a series of its own otherwise, as large as the numbers.
disable_created_metrics()

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The numbers of one server.

    Example:
        >>> metrics = Metrics()
        >>> metrics.request("rest", "predict", "200", 0.004)
        >>> b'requests_total{api="rest",route="predict",status="200"} 1.0' in metrics.text()
        True
    """

    def __init__(self):
        self._registry = CollectorRegistry()
        ProcessCollector(namespace="", registry=self._registry)
        labels = ("api", "route", "status")
        self._requests = self._of(Counter, "requests", "Requests that were answered.", labels)
        self._seconds = self._of(
            Histogram,
            "request_seconds",
            "From a request's first byte to its answer.",
            ("api", "route"),
            buckets=_SECONDS,
        )
        self._rows = self._of(Histogram, "batch_rows", "Rows of a call.", buckets=_SIZES)
        self._joined = self._of(
            Histogram, "batch_requests", "Requests joined into a call.", buckets=_SIZES
        )

    def request(self, api: str, route: str, status: str, seconds: float) -> None:
        """Count an answered request; routes are few, whatever clients ask for."""
        self._requests.labels(api, route, status).inc()
        self._seconds.labels(api, route).observe(seconds)

    def call(self, rows: int, requests: int) -> None:
        """Count a call of a network."""
        self._rows.observe(rows)
        self._joined.observe(requests)

    def watch(self, name: str, text: str, value: Callable[[], int]) -> None:
        """Show a number as it is when it is asked for."""
        self._of(Gauge, name, text).set_function(value)

    def watch_versions(self, loaded: Callable[[], list[tuple[str, int]]]) -> None:
        """Show the loaded versions, (model, number), as they are when it is asked for."""
        self._registry.register(_Versions(loaded))

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self._registry)

    def _of(self, kind, name, *arguments, **more):
        return kind(f"imbalance_serving_{name}", *arguments, registry=self._registry, **more)


class _Versions(Collector):
    def __init__(self, loaded):
        self._loaded = loaded

    def collect(self):
        family = GaugeMetricFamily(
            "imbalance_serving_version", "1 for each version served.", labels=("model", "version")
        )
        for model, number in self._loaded():
            family.add_metric((model, str(number)), 1)
        yield family
