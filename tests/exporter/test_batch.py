"""Many extractions at once, the batches that they come in, and the queue before them."""

import queue
import sys

import pytest
from prometheus_client import generate_latest

from featurewatch import Extractor

numpy = pytest.importorskip("numpy")


@pytest.fixture(params=["list", "tuple", "generator", "array", "list without numpy"])
def sequence(request, monkeypatch):
    """Turn a list into each kind that record_batch takes."""
    if request.param == "list without numpy":
        monkeypatch.delitem(sys.modules, "numpy")
    kinds = {
        "tuple": tuple,
        "generator": lambda values: (value for value in values),
        "array": numpy.array,
    }
    return kinds.get(request.param, list)


def test_batch_counts_as_each_of_its_items_would(registry, value, sequence):
    one, many = Extractor("one", registry=registry), Extractor("many", registry=registry)
    latencies = [(number % 400) / 1000 for number in range(10_000)]
    hits = [number % 3 > 0 for number in range(10_000)]
    for seconds, hit in zip(latencies, hits, strict=True):
        one.record(seconds, cache_hit=hit)
    many.record_batch(sequence(latencies), cache_hits=sequence(hits))
    for name, labels in [
        ("requests_total", {}),
        ("duration_seconds_bucket", {"le": "0.1"}),
        ("duration_seconds_bucket", {"le": "0.15"}),
        ("duration_seconds_bucket", {"le": "+Inf"}),
        ("cache_lookups_total", {"result": "hit"}),
        ("cache_lookups_total", {"result": "miss"}),
    ]:
        assert value(name, "many", **labels) == value(name, "one", **labels) > 0
    assert value("duration_seconds_sum", "many") == pytest.approx(
        value("duration_seconds_sum", "one")
    )


def test_items_without_lookup_fallback_or_error_are_left_out(extractor, value):
    extractor.record_batch(
        [0.1] * 4,
        cache_hits=[True, None, False, True],
        fallbacks=[None, "model_timeout", False, True],
        errors=[None, None, TimeoutError(), True],
    )
    assert value("cache_lookups_total", result="hit") == 2
    assert value("cache_lookups_total", result="miss") == 1
    assert value("fallbacks_total", reason="model_timeout") == 1
    assert value("fallbacks_total", reason="unknown") == 1
    assert value("errors_total", error_type="TimeoutError") == 1
    assert value("errors_total", error_type="unknown") == 1


def test_arrays_of_flags_and_of_names_are_counted(extractor, value):
    extractor.record_batch(
        numpy.full((2, 2), 0.1, dtype="float32"),
        cache_hits=numpy.array([1, 0, 1, 1]),
        fallbacks=numpy.array([True, False, True, False]),
        errors=numpy.array([None, "odd", None, None], dtype=object),
    )
    assert value("requests_total") == 4
    assert value("cache_lookups_total", result="hit") == 3
    assert value("cache_lookups_total", result="miss") == 1
    assert value("fallbacks_total", reason="unknown") == 2
    assert value("errors_total", error_type="odd") == 1


def test_arrays_are_not_changed(extractor, value):
    latencies = numpy.array([3.0, 1.0, 2.0])
    extractor.record_batch(latencies)
    assert latencies.tolist() == [3.0, 1.0, 2.0]
    given = [3.0, 1.0, 2.0]
    extractor.record_batch(given)
    assert given == [3.0, 1.0, 2.0]


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -1.0, 1e300])
def test_items_without_sense_are_left_out(extractor, value, sequence, nonsense):
    extractor.record_batch(sequence([0.25, nonsense, 0.5]))
    assert value("requests_total") == value("duration_seconds_bucket", le="+Inf") == 2
    assert value("duration_seconds_sum") == 0.75


def test_empty_batch_counts_nothing(extractor, value, sequence):
    extractor.record_batch(sequence([]))
    assert value("requests_total") == value("duration_seconds_sum") == 0


def test_batch_with_a_duration_is_observed_as_a_batch(extractor, value):
    extractor.record_batch([0.1, 0.2, 0.3], duration_seconds=0.25)
    extractor.record_batch([0.1, 0.2, 0.3])
    assert (value("batch_size_count"), value("batch_size_sum")) == (1, 3)
    assert value("batch_duration_seconds_sum") == 0.25


def test_items_of_a_batch_are_in_progress_until_it_ends(extractor, value, monkeypatch):
    clock = iter([10.0, 10.5])
    monkeypatch.setattr("featurewatch.batch.perf_counter", lambda: next(clock))
    with extractor.batch(32):
        assert value("in_progress") == 32
        assert value("batch_size_count") == 0
    assert value("in_progress") == 0
    assert (value("batch_size_sum"), value("batch_duration_seconds_sum")) == (32, 0.5)
    assert value("requests_total") == 0  # the items are told by record_batch


def test_batch_that_fails_is_observed_and_its_error_passes(extractor, value):
    error = RuntimeError("out of memory")
    with pytest.raises(RuntimeError) as raised, extractor.batch(8):
        raise error
    assert raised.value is error
    assert (value("in_progress"), value("batch_size_sum")) == (0, 8)


def test_batch_of_no_size_lets_the_work_go_on(extractor, registry):
    before = generate_latest(registry)
    with extractor.batch("many"):
        pass
    assert generate_latest(registry) == before


def test_watched_queue_is_asked_at_each_scrape(extractor, value):
    work = queue.Queue()
    extractor.watch_queue(work.qsize)
    assert value("queue_depth") == 0
    work.put("window")
    assert value("queue_depth") == 1


@pytest.mark.parametrize("answer", [-1, None, float("nan"), "many"])
def test_queue_that_answers_nonsense_has_no_series(extractor, value, answer):
    extractor.watch_queue(lambda: answer)
    assert value("queue_depth") is None
    assert value("requests_total") == 0


def test_queue_that_raises_has_no_series_and_the_rest_is_there(extractor, value):
    def qsize():
        raise ConnectionError("broker is gone")

    extractor.watch_queue(qsize)
    assert value("queue_depth") is None
    assert value("requests_total") == 0


def test_queue_that_cannot_be_called_is_refused_at_the_start(extractor):
    with pytest.raises(TypeError, match=r"something to call, as queue\.qsize, not 7"):
        extractor.watch_queue(7)
