"""What an Extractor counts, and what it leaves alone."""

import asyncio
import inspect

import pytest
from prometheus_client import generate_latest

from featurewatch import Extractor, guard
from featurewatch.names import MAX_LABEL_VALUES

EXTRACTOR = "feature_extractor"


@pytest.fixture
def extractor(registry):
    return Extractor(registry=registry)


@pytest.fixture
def clock(monkeypatch):
    """A clock in place of perf_counter; set clock.now."""

    class Clock:
        now = 100.0

    monkeypatch.setattr("featurewatch.extractor.perf_counter", lambda: Clock.now)
    return Clock


def test_requests_and_cache_lookups_exist_at_zero_from_construction(extractor, value):
    assert value("requests_total") == 0
    assert value("cache_lookups_total", result="hit") == 0
    assert value("cache_lookups_total", result="miss") == 0


def test_queue_depth_has_no_series_in_a_service_without_a_queue(extractor, value):
    assert value("queue_depth") is None


def test_extraction_counts_a_request_with_its_duration(extractor, value, clock):
    with extractor.extraction():
        clock.now += 0.125
    assert value("requests_total") == 1
    assert value("duration_seconds_sum") == 0.125
    assert value("duration_seconds_bucket", le="0.1") == 0
    assert value("duration_seconds_bucket", le="0.15") == 1


def test_extraction_is_in_progress_until_it_ends(extractor, value):
    with extractor.extraction():
        assert (value("in_progress"), value("requests_total")) == (1, 0)
    assert (value("in_progress"), value("requests_total")) == (0, 1)


def test_extraction_counts_lookups_and_fallbacks(extractor, value):
    with extractor.extraction() as extraction:
        extraction.cache_hit()
        extraction.cache_hit()
        extraction.cache_miss()
        extraction.fallback("model_timeout")
    assert value("cache_lookups_total", result="hit") == 2
    assert value("cache_lookups_total", result="miss") == 1
    assert value("fallbacks_total", reason="model_timeout") == 1


def test_error_reaches_the_caller_and_is_counted_by_its_class(extractor, value):
    error = KeyError("user_id")
    with pytest.raises(KeyError) as raised, extractor.extraction():
        raise error
    assert raised.value is error
    assert value("errors_total", error_type="KeyError") == 1
    assert value("requests_total") == value("duration_seconds_count") == 1
    assert value("in_progress") == 0


@pytest.mark.parametrize("leaving", [asyncio.CancelledError, KeyboardInterrupt, GeneratorExit])
def test_leaving_without_an_exception_class_is_a_request_and_no_error(registry, value, leaving):
    with pytest.raises(leaving), Extractor(registry=registry).extraction():
        raise leaving
    assert value("requests_total") == 1
    assert value("in_progress") == 0
    assert value("errors_total", error_type=leaving.__name__) is None


def test_cancelled_task_is_a_request_and_no_error(extractor, value):
    @extractor.instrument
    async def extract():
        await asyncio.Event().wait()

    async def cancel_it():
        task = asyncio.create_task(extract())
        await asyncio.sleep(0)  # lets the task reach its wait
        assert value("in_progress") == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(cancel_it())
    assert (value("requests_total"), value("in_progress")) == (1, 0)
    assert value("errors_total", error_type="CancelledError") is None


def test_instrument_measures_a_plain_function_and_keeps_its_face(extractor, value):
    @extractor.instrument
    def extract(user_id: int, *, scale: float = 1.0) -> float:
        """Return features."""
        return user_id / scale

    assert extract(6, scale=2) == 3
    with pytest.raises(ZeroDivisionError):
        extract(6, scale=0)
    assert value("requests_total") == 2
    assert value("errors_total", error_type="ZeroDivisionError") == 1
    assert (extract.__name__, extract.__doc__) == ("extract", "Return features.")
    assert list(inspect.signature(extract).parameters) == ["user_id", "scale"]


def test_instrument_measures_an_async_function_until_it_is_done(extractor, value, clock):
    @extractor.instrument
    async def extract(seconds: float) -> str:
        await asyncio.sleep(0)
        clock.now += seconds
        return "features"

    assert inspect.iscoroutinefunction(extract)
    assert asyncio.run(extract(0.25)) == "features"
    assert value("duration_seconds_sum") == 0.25


def test_instrument_counts_the_error_of_an_async_function(extractor, value):
    @extractor.instrument
    async def extract() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        asyncio.run(extract())
    assert value("errors_total", error_type="TimeoutError") == 1


def test_instrument_refuses_a_generator_because_its_call_measures_nothing(extractor):
    def extract():
        yield 1

    with pytest.raises(TypeError, match=r"use `with extractor\.extraction\(\):` inside it"):
        extractor.instrument(extract)


def test_batches_and_queue_depth_are_recorded(extractor, value):
    extractor.observe_batch(32, 0.5)
    extractor.queue_depth(7)
    extractor.queue_depth(3)
    assert (value("batch_size_sum"), value("batch_size_count")) == (32, 1)
    assert value("batch_size_bucket", le="32.0") == 1
    assert value("batch_duration_seconds_sum") == 0.5
    assert value("queue_depth") == 3


def test_two_extractors_share_the_families_of_a_registry(registry, value):
    text, image = Extractor("text", registry=registry), Extractor("image", registry=registry)
    with text.extraction():
        pass
    with image.extraction(), image.extraction():
        pass
    assert value("requests_total", extractor="text") == 1
    assert value("requests_total", extractor="image") == 2
    assert generate_latest(registry).count(b"# TYPE feature_extraction_requests_total") == 1


def test_two_extractors_of_one_name_add_to_the_same_series(registry, value):
    for extractor in (Extractor(registry=registry), Extractor(registry=registry)):
        with extractor.extraction():
            pass
    assert value("requests_total") == 2


def test_other_buckets_on_the_same_registry_are_refused(registry):
    Extractor("text", registry=registry, duration_buckets=[0.1, 1])
    Extractor("image", registry=registry, duration_buckets=(0.1, 1.0))
    with pytest.raises(ValueError, match=r"\(0\.1, 1\.0\), not \(0\.1, 2\.0\): give all of them"):
        Extractor("audio", registry=registry, duration_buckets=(0.1, 2.0))


@pytest.mark.parametrize("buckets", [(), (0.2, 0.1), (0.1, 0.1)])
def test_buckets_that_do_not_increase_are_refused_and_register_nothing(registry, buckets):
    with pytest.raises(ValueError, match="increasing numbers"):
        Extractor(registry=registry, duration_buckets=buckets)
    assert generate_latest(registry) == b""


@pytest.mark.parametrize("name", ["", None, 7, "\udc80"])
def test_extractor_name_that_is_no_text_is_refused(registry, name):
    with pytest.raises(ValueError, match="extractor name must be text"):
        Extractor(name, registry=registry)


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        (None, "None"),
        (504, "504"),
        (TimeoutError("slow"), "slow"),
        ("", "unknown"),
        ("\udc80", "?"),
    ],
)
def test_reason_of_any_type_becomes_a_label_that_can_be_scraped(
    extractor, registry, value, reason, label
):
    with extractor.extraction() as extraction:
        extraction.fallback(reason)
    assert value("fallbacks_total", reason=label) == 1
    assert b"fallbacks_total" in generate_latest(registry)


def test_reasons_without_end_are_counted_together_after_a_limit(extractor, value):
    with extractor.extraction() as extraction:
        for user in range(MAX_LABEL_VALUES + 5):
            extraction.fallback(f"no data for user {user}")
        extraction.fallback("no data for user 0")
    assert value("fallbacks_total", reason="no data for user 0") == 2
    assert value("fallbacks_total", reason=f"no data for user {MAX_LABEL_VALUES}") is None
    assert value("fallbacks_total", reason="other") == 5
    assert value("label_values_dropped_total", label="reason") == 5
    assert value("label_values_dropped_total", label="error_type") == 0


def test_reason_that_is_called_other_is_not_a_dropped_one(extractor, value):
    with extractor.extraction() as extraction:
        for number in range(MAX_LABEL_VALUES):
            extraction.fallback(number)
        extraction.fallback("other")
    assert value("fallbacks_total", reason="other") == 1
    assert value("label_values_dropped_total", label="reason") == 0


class Unprintable:
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "record",
    [
        lambda extractor: extractor.extraction().fallback(Unprintable()),
        lambda extractor: extractor.observe_batch("many", 0.1),
        lambda extractor: extractor.observe_batch(8, float("nan")),
        lambda extractor: extractor.observe_batch(8, -0.1),
        lambda extractor: extractor.queue_depth(None),
        lambda extractor: extractor.queue_depth(float("inf")),
        lambda extractor: extractor.record("fast"),
        lambda extractor: extractor.record(None),
        lambda extractor: extractor.record(-0.1, cache_hit=True),
        lambda extractor: extractor.record(float("nan"), cache_hit=False),
        lambda extractor: extractor.record(float("inf")),
        lambda extractor: extractor.record(1e300),
        lambda extractor: extractor.record(0.1, fallback=Unprintable()),
        lambda extractor: extractor.record_batch(7),
        lambda extractor: extractor.record_batch([0.1], cache_hits=7),
        lambda extractor: extractor.batch("many").__exit__(None, None, None),
    ],
)
def test_measurement_that_makes_no_sense_is_dropped_whole(extractor, registry, record):
    before = generate_latest(registry)
    record(extractor)
    assert generate_latest(registry) == before


def test_dropped_measurements_warn_once_and_do_not_flood_the_log(extractor, caplog, monkeypatch):
    monkeypatch.setattr(guard, "_logged", set())
    with caplog.at_level("DEBUG"):
        for _ in range(3):
            extractor.queue_depth("many")
    assert [entry.levelname for entry in caplog.records] == ["WARNING", "DEBUG", "DEBUG"]
    assert "could not convert string to float: 'many'" in caplog.text


def test_log_that_fails_does_not_reach_the_request(extractor, monkeypatch):
    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(guard.logger, "log", fail)
    extractor.queue_depth("many")
    extractor.record(0.1, fallback=Unprintable())
