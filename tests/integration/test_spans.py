"""Statements as spans: below what they are for, with their placeholders and never with a value."""

import pytest

from core.db.postgres import Pool
from core.settings import Settings
from core.telemetry import spans, trace

ID = "0af7651916cd43dd8448eb211c80319c"
STATEMENT = "-- As all of ours, it says what it is for.\nSELECT $1::text"
SECRET = "a value that nobody else may read"


async def test_statements_are_spans_without_values(pool: Pool) -> None:
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="no kadr[otel]")
    kept = memory.InMemorySpanExporter()
    async with spans.exported(Settings(otlp_share=1), "worker", kept):
        with trace.following(ID), spans.span("step encode"):
            assert await pool.fetchval(STATEMENT, SECRET) == SECRET
        assert await pool.fetchval("SELECT 2") == 2  # a worker that looks for work: for no request and no step
    assert await pool.fetchval("SELECT 3") == 3
    step = next(one for one in kept.get_finished_spans() if one.name == "step encode")
    told = {
        one.attributes.get("db.statement"): (one.name, f"{one.context.trace_id:032x}", one.parent.span_id)
        for one in kept.get_finished_spans()
        if one is not step
    }
    assert told[STATEMENT] == ("SELECT", ID, step.context.span_id)
    assert {"SELECT 2", "SELECT 3"}.isdisjoint(told)
    assert SECRET not in "".join(one.to_json() for one in kept.get_finished_spans())
