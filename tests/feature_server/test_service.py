import pytest
from feature_server.errors import InjectedError, WindowUnknown
from feature_server.features import FEATURE_COUNT


def count(registry, name, **labels):
    labels = {"extractor": "feature_extractor", **labels}
    return registry.get_sample_value(f"feature_extraction_{name}", labels) or 0.0


def test_a_miss_asks_the_model_and_the_next_request_hits(service, registry):
    first, second = service.extract(1), service.extract(1)
    assert (first.source, second.source) == ("model", "cache")
    assert (first.values == second.values).all()
    assert count(registry, "cache_lookups_total", result="miss") == 1
    assert count(registry, "cache_lookups_total", result="hit") == 1
    assert count(registry, "requests_total") == 2


def test_a_late_model_gives_fallbacks_that_are_never_cached(service, registry):
    service.pool.slowdown = 1000.0
    service._deadline = 0.05
    assert [service.extract(1).source for _ in range(2)] == ["fallback", "fallback"]
    assert len(service.cache) == 0
    assert count(registry, "fallbacks_total", reason="model_timeout") == 2


def test_what_the_model_says_too_late_is_kept_for_the_next_request(service, eventually):
    service.pool.slowdown = 100.0
    service._deadline = 0.01
    assert service.extract(1).source == "fallback"
    eventually(lambda: service.extract(1).source == "cache")


def test_a_broken_model_gives_fallbacks_of_the_same_width(service, registry):
    service.pool.close()
    features = service.extract(1)
    assert (features.source, features.values.shape) == ("fallback", (FEATURE_COUNT,))
    assert count(registry, "fallbacks_total", reason="model_error") == 1


def test_an_unknown_window_is_no_extraction(service, registry):
    with pytest.raises(WindowUnknown):
        service.extract(99)
    assert count(registry, "requests_total") == 0


def test_an_error_is_counted_and_reaches_the_caller(service, registry):
    service.error_share = 1.0
    with pytest.raises(InjectedError):
        service.extract(1)
    assert count(registry, "errors_total", error_type="InjectedError") == 1
    assert count(registry, "requests_total") == 1
