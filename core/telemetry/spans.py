"""OpenTelemetry, where KADR_OTLP_URL is set: requests, steps and statements as spans of the trace that log lines name.

Optional: `pip install kadr[otel]` brings the packages, and nothing of them is imported without the setting. A span
carries ids, route patterns, codes and statements with their placeholders; never a URL, a token or a value: that is why
requests have spans of ours and not those of the instrumentation, which names the URL (docs/adr/0027).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from core.errors import ConfigError
from core.settings import Settings
from core.telemetry import trace

PATH = "/v1/traces"
_FLUSH_S = 3.0  # with the time for open requests less than the ten seconds after which engines end a program
_tracer: Any = None  # of the program, while it exports


@asynccontextmanager
async def exported(
    settings: Settings, program: str, exporter: Any = None, flush_s: float = _FLUSH_S
) -> AsyncIterator[None]:
    """Export spans of this program while the body runs, if KADR_OTLP_URL is set. `exporter`: a way out of a test's own.

    What is left then is exported within `flush_s`, or lost.

    Raises ConfigError where the packages are missing.
    """
    global _tracer
    if settings.otlp_url is None and exporter is None:
        yield
        return
    try:
        from core.telemetry import otel
    except ImportError as exc:
        raise ConfigError(f"KADR_OTLP_URL needs OpenTelemetry ({exc}): pip install kadr[otel]") from exc
    provider = otel.provider(program, settings.otlp_share, exporter or otel.http(f"{settings.otlp_url}{PATH}"))
    otel.instrument_database(provider)
    _tracer = provider.get_tracer("kadr")
    try:
        yield
    finally:
        _tracer = None
        otel.forget_database()
        await asyncio.to_thread(otel.shut_down, provider, flush_s)


@contextmanager
def span(name: str, headers: Mapping[str, str] | None = None, **attributes: str | int) -> Iterator[None]:
    """The body as a span; an exception makes it an error. Of a request with `traceparent`: below the caller's span."""
    if _tracer is None:
        yield
        return
    from core.telemetry import otel

    parent = None if headers is None else otel.parent_in(headers)
    named = {f"kadr.{key}": value for key, value in attributes.items()}
    with _tracer.start_as_current_span(
        name, context=parent, attributes=named, kind=otel.kind(server=headers is not None)
    ):
        yield


def note(name: str | None = None, *, failed: str | None = None, **attributes: str | int) -> None:
    """Add facts to the span of the body this is called in: a better name, the code of a failure, attributes."""
    if _tracer is None:
        return
    from core.telemetry import otel

    followed = {} if (followed_trace := trace.current()) is None else {"trace": followed_trace}
    otel.note(name, failed, {f"kadr.{key}": value for key, value in {**followed, **attributes}.items()})
