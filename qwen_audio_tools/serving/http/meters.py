"""What is counted, for Prometheus: requests, seconds, what waits, what was heard and said."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest

from qwen_audio_tools.answer import Usage

if TYPE_CHECKING:
    from qwen_audio_tools.serving.http.queueing.desk import Desk

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


class Meters:
    """The meters of one server; they belong to no other in the same process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "qwa_requests", "Requests that were answered.", ["route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "qwa_request_seconds", "Seconds from a request to the end of its answer.", ["route"],
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._batches = Histogram(
            "qwa_batch_requests", "Requests that an engine was given at once.",
            buckets=(1, 2, 4, 8, 16, 32, 64), registry=self._registry,
        )  # fmt: skip
        self._heard = Counter(
            "qwa_audio_seconds_heard", "Seconds of audio that engines heard.",
            registry=self._registry,
        )  # fmt: skip
        self._tokens = Counter(
            "qwa_tokens", "Tokens read and written; audio ones are among the prompt's.", ["kind"],
            registry=self._registry,
        )  # fmt: skip
        ProcessCollector(registry=self._registry)

    def watch(self, desk: "Desk") -> None:
        """Tell how many requests wait at a desk and run there, whenever somebody asks."""
        gauges = {
            "qwa_requests_waiting": ("Requests that wait for an engine.", lambda: desk.waiting),
            "qwa_requests_running": ("Requests that engines are at.", lambda: desk.running),
            "qwa_body_bytes_held": ("Bytes of bodies that are held.", lambda: desk.holding.held),
        }
        for name, (about, count) in gauges.items():
            Gauge(name, about, registry=self._registry).set_function(count)
        info = Gauge("qwa_engine_info", "The engines.", ["engine"], registry=self._registry)
        for each in desk.served:
            info.labels(each.name).set(1)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that is over."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, requests: int) -> None:
        """Count what an engine was given at once."""
        self._batches.observe(requests)

    def used(self, usage: Usage) -> None:
        """Count what an answer cost."""
        if usage.seconds_heard:
            self._heard.inc(usage.seconds_heard)
        for kind, count in (
            ("prompt", usage.input_tokens),
            ("audio", usage.audio_tokens),
            ("completion", usage.output_tokens),
        ):
            if count:
                self._tokens.labels(kind).inc(count)

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self._registry)
