"""docs/otel.md says what is so."""

import re
import sys
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from featurewatch import watch_resources
from featurewatch_kit.otel import INSTRUMENTS
from otel.service import printed_code
from otel.test_names import spellings
from otel.ways import STRATEGIES

WINDOWS = [SimpleNamespace(key="known"), SimpleNamespace(key="new")]


@pytest.fixture
def text(root):
    return (root / "docs/otel.md").read_text()


@pytest.fixture
def registry():
    """In place of prometheus-client's own, which other tests use."""
    return CollectorRegistry()


@pytest.fixture
def service(text, root, monkeypatch, registry):
    """Run the document's code, but for its registry and its port."""
    monkeypatch.setitem(sys.modules, "features", printed_code(root))
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    started = 'server, thread = start_http_server(0, "127.0.0.1", registry)'
    code = code.replace("start_http_server(9101)", started)
    code = code.replace("Reader()", "Reader(registry=registry)")
    cache = {"known": "from the cache"}
    names = {"registry": registry, "cache": cache, "model": lambda _: "extracted"}
    exec(code, names)  # noqa: S102
    yield names
    names["server"].shutdown()
    names["server"].server_close()
    names["thread"].join()
    names["provider"].shutdown()


@pytest.fixture
def value(registry):
    """The value of a series with these labels and those of the scope."""
    scope = {"otel_scope_name": "features", "otel_scope_version": "", "otel_scope_schema_url": ""}
    common = {"extractor": "feature_extractor", **scope}
    return lambda name, **labels: registry.get_sample_value(name, {**common, **labels})


def test_its_code_measures(service, value):
    assert [service["extract"](window) for window in WINDOWS] == ["from the cache", "extracted"]
    assert value("feature_extraction_requests_total") == 2
    assert value("feature_extraction_cache_lookups_total", result="hit") == 1
    assert value("feature_extraction_errors_total", error_type="TimeoutError") == 0
    assert value("feature_extraction_duration_seconds_bucket", le="0.15") == 2


def test_the_library_shows_its_resources_on_the_same_page(service, registry):
    service["extract"](WINDOWS[0])
    watch_resources("feature_extractor", registry=registry)
    page = generate_latest(registry).decode()
    assert "feature_extraction_requests_total{" in page
    assert 'feature_extraction_memory_utilization_ratio{extractor="feature_extractor"}' in page


def test_its_table_has_the_names_that_the_rules_read(text):
    duration, *_, cpu = [i for i in INSTRUMENTS if not i.attribute.startswith(("memory", "gpu"))]
    ways = "|".join(STRATEGIES)
    row = rf"^\| .*?`({ways})`.* \| `([\w.]+)` \| `([\w.]+)` \|$"
    rows = re.findall(row, text, re.MULTILINE)
    spelled = dict(zip(STRATEGIES, spellings(duration, "").values(), strict=True))
    assert {way: name for way, name, _ in rows} == spelled
    assert {way: name for way, _, name in rows} == dict(
        zip(STRATEGIES, spellings(cpu, "").values(), strict=True)
    )
