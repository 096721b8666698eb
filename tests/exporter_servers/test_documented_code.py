"""The code in docs/instrument.md about threads and asyncio runs as it stands."""

import asyncio
import json
import threading

import pytest
from prometheus_client import REGISTRY
from waiting import PATIENCE_SECONDS

from featurewatch import collector
from tests.exporter_servers.server import documented


def value(name, **labels):
    labels = {"extractor": "feature_extractor", **labels}
    return REGISTRY.get_sample_value("feature_extraction_" + name, labels)


@pytest.fixture
def code(text):
    """Run the block of a section beside a model, and return its names."""
    collector._collectors.pop(REGISTRY, None)  # perhaps another test took it from the registry
    before = set(REGISTRY._collector_to_names)
    pools = []

    def run(heading, model):
        (block,) = documented(text, heading)
        names = {"model": model}
        exec(block, names)  # noqa: S102
        if "pool" in names:
            pools.append(names["pool"])
        return names

    yield run
    for pool in pools:
        pool.shutdown()
    for ours in set(REGISTRY._collector_to_names) - before:
        REGISTRY.unregister(ours)
    collector._collectors.pop(REGISTRY, None)


def test_threads_count_exactly_and_together(code):
    at_once = threading.Barrier(8, timeout=PATIENCE_SECONDS)
    seen = []

    def model(window):
        if window < 8:  # eight threads, so these are under way at once
            at_once.wait()
            seen.append(value("in_progress"))
            at_once.wait()
        if window % 10 == 9:
            raise KeyError(window)
        return window

    names = code("Threads", model)
    assert names["extract_all"](range(9)) == list(range(9))
    with pytest.raises(KeyError):
        names["extract_all"](range(8, 2000))
    names["pool"].shutdown()  # map gave up at the first error, and cancelled what had not begun
    assert seen == [8] * 8
    assert value("requests_total") == value("duration_seconds_count") >= 9 + 2
    assert value("errors_total", error_type="KeyError") >= 1
    assert value("in_progress") == 0


def test_a_thousand_coroutines_are_under_way_at_once(code):
    async def go():
        gate = asyncio.Event()

        async def model(window):
            await gate.wait()
            return window

        extract = code("asyncio", model)["extract"]
        tasks = [asyncio.create_task(extract(number)) for number in range(1000)]
        await asyncio.sleep(0)
        seen = value("in_progress")
        gate.set()
        assert await asyncio.gather(*tasks) == list(range(1000))
        return seen

    assert asyncio.run(go()) == 1000
    assert value("requests_total") == 1000
    assert value("in_progress") == 0


def test_cancelled_coroutine_is_a_request_and_its_own_time_limit_an_error(code):
    async def go():
        async def model(window):
            await asyncio.Event().wait()

        extract = code("asyncio", model)["extract"]
        cancelled = asyncio.create_task(extract(1))
        await asyncio.sleep(0)
        cancelled.cancel()
        results = await asyncio.gather(cancelled, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert value("requests_total") == 1
        with pytest.raises(TimeoutError):  # a limit around it cancels it
            async with asyncio.timeout(0.01):
                await extract(2)
        assert value("requests_total") == 2
        assert value("errors_total", error_type="TimeoutError") is None
        with pytest.raises(TimeoutError):  # its own of half a second
            await extract(3)

    asyncio.run(go())
    assert value("requests_total") == 3
    assert value("errors_total", error_type="TimeoutError") == 1
    assert value("errors_total", error_type="CancelledError") is None
    assert value("in_progress") == 0


async def call(app, path, body=b""):
    """Ask an ASGI application, and return status and body of its answer."""
    sent = []
    scope = {
        "type": "http", "method": "POST" if body else "GET", "path": path, "raw_path": b"",
        "query_string": b"", "headers": [], "root_path": "", "http_version": "1.1",
        "scheme": "http", "server": None, "client": None, "asgi": {"version": "3.0"},
    }  # fmt: skip

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def test_starlette_application_extracts_and_serves_its_metrics(code):
    async def go():
        async def model(window):
            return {"features": window["window"]}

        app = code("asyncio", model)["app"]
        answer = await call(app, "/features", b'{"window": 7}')
        return answer, await call(app, "/metrics/")

    (status, body), (metrics_status, metrics) = asyncio.run(go())
    assert (status, json.loads(body)) == (200, {"features": 7})
    assert metrics_status == 200
    assert b'feature_extraction_requests_total{extractor="feature_extractor"} 1.0' in metrics
