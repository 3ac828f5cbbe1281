"""What core.telemetry.spans needs of OpenTelemetry's packages, an extra: import it only where spans are wanted.

Every span is recorded, and kept at its end if it is an error or one of the share of traces that is kept whole. All
programs decide alike, by the trace's id.
"""

import re
from collections.abc import Mapping
from threading import Thread
from typing import Any

from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from core.telemetry import trace

_VERB = re.compile(r"^\s*(?!--)(\w+)", re.MULTILINE)
_LOW = 2**64 - 1  # the part of a trace id that the specification asks to be random


class _TraceIds(RandomIdGenerator):
    """Ids of spans by chance; a trace that begins here is the one that log lines name."""

    def generate_trace_id(self) -> int:
        followed = trace.current()
        new: int = super().generate_trace_id() if followed is None else int(followed, 16)
        return new


class _Kept(SpanProcessor):
    """Hands on the spans of a share of all traces, and every error."""

    def __init__(self, inner: SpanProcessor, share: float) -> None:
        self._inner = inner
        self._below = round(share * _LOW)

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        # Our statements begin with what they are for, and the instrumentation names a span by the first word.
        if verb := _VERB.search(str((span.attributes or {}).get("db.statement", ""))):
            span.update_name(verb[1])
        self._inner.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        if span.kind is SpanKind.CLIENT and span.parent is None:
            return  # a statement of no request and no step: workers ask for work all the time
        if span.status.status_code is StatusCode.ERROR or span.context.trace_id & _LOW < self._below:
            self._inner.on_end(span)

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        flushed: bool = self._inner.force_flush(timeout_millis)
        return flushed


def http(url: str) -> SpanExporter:
    """Sends spans to a collector as OTLP over HTTP."""
    return OTLPSpanExporter(endpoint=url)


def provider(program: str, share: float, exporter: SpanExporter) -> TracerProvider:
    """Tracers of a program that export `share` (0..1) of all traces, and all errors."""
    made = TracerProvider(
        sampler=ALWAYS_ON, resource=Resource.create({"service.name": f"kadr-{program}"}), id_generator=_TraceIds()
    )
    made.add_span_processor(_Kept(BatchSpanProcessor(exporter), share))
    return made


def shut_down(made: TracerProvider, within_s: float) -> None:
    """Export what is left, and end; what a collector has not taken by then is lost. Blocks for `within_s` at most.

    The packages heed no time limit there: each batch is tried for ten seconds.
    """
    ending = Thread(target=made.shutdown, name="spans", daemon=True)
    ending.start()
    ending.join(within_s)


def instrument_database(made: TracerProvider) -> None:
    """Statements become spans, with placeholders and without the values bound to them."""
    AsyncPGInstrumentor(capture_parameters=False).instrument(tracer_provider=made)


def forget_database() -> None:
    AsyncPGInstrumentor().uninstrument()


def parent_in(headers: Mapping[str, str]) -> Any:
    """The caller's span in `traceparent`; none without one."""
    return TraceContextTextMapPropagator().extract({name.lower(): value for name, value in headers.items()})


def kind(*, server: bool) -> SpanKind:
    return SpanKind.SERVER if server else SpanKind.INTERNAL


def note(name: str | None, failed: str | None, attributes: Mapping[str, str | int]) -> None:
    """Set facts of the current span."""
    span = api.get_current_span()
    if name is not None:
        span.update_name(name)
    span.set_attributes(dict(attributes))
    if failed is not None:
        span.set_status(Status(StatusCode.ERROR, failed))
