"""Buffered recording: exact at every scrape, short without one, and silent in the request path."""

import asyncio
import gc
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from waiting import PATIENCE_SECONDS

from featurewatch import DURATION_BUCKETS, Extractor
from featurewatch.recorder import BUFFER

numpy = pytest.importorskip("numpy")


@pytest.fixture(params=["with numpy", "without numpy"])
def counting(request, monkeypatch):
    """Both ways to count into buckets: numpy's, in a process that has it, and our own."""
    if request.param == "without numpy":
        monkeypatch.delitem(sys.modules, "numpy")


def totals(registry, extractor="feature_extractor"):
    """One scrape: every sample of the extractor by its name and other labels."""
    return {
        (sample.name.removeprefix("feature_extraction_"), *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.labels.pop("extractor") == extractor
    }


def waiting(extractor):
    """Entries in every list of the extractor."""
    recorder = extractor._recorder
    intake = recorder.intake
    lists = [recorder.plain, recorder.hits, recorder.misses, intake.spans, intake.lookups]
    return max(map(len, [*lists, intake.errors, intake.fallbacks, intake.batches, intake.bulks]))


def test_record_counts_the_request_its_duration_and_its_cache_result(extractor, value, counting):
    for seconds, cache_hit in [(0.02, None), (0.12, True), (0.12, True), (3, False)]:
        extractor.record(seconds, cache_hit=cache_hit)
    assert value("requests_total") == value("duration_seconds_count") == 4
    assert value("duration_seconds_sum") == pytest.approx(3.26)
    assert value("cache_lookups_total", result="hit") == 2
    assert value("cache_lookups_total", result="miss") == 1


@pytest.mark.parametrize("bound", DURATION_BUCKETS)
def test_duration_at_a_bound_is_counted_below_it(registry, counting, bound):
    extractor = Extractor(registry=registry)
    extractor.record(bound)
    buckets = {k[1]: v for k, v in totals(registry).items() if k[0] == "duration_seconds_bucket"}
    at_or_above = {label for label in buckets if float(label) >= bound}
    assert {label for label, n in buckets.items() if n == 1} == at_or_above


@pytest.mark.parametrize(
    ("error", "error_type"),
    [
        (KeyError("user_id"), "KeyError"),
        (TimeoutError, "TimeoutError"),
        ("model_missing", "model_missing"),
        (503, "503"),
    ],
)
def test_record_counts_an_error_by_class_or_name(extractor, value, error, error_type):
    extractor.record(0.1, error=error)
    assert value("errors_total", error_type=error_type) == 1
    assert value("requests_total") == 1


@pytest.mark.parametrize("left", [asyncio.CancelledError(), KeyboardInterrupt])
def test_record_of_a_cancellation_is_no_error(extractor, registry, left):
    extractor.record(0.1, error=left)
    assert "errors_total" not in {key[0] for key in totals(registry)}


def test_record_counts_a_fallback_by_its_reason(extractor, value):
    extractor.record(0.1, cache_hit=False, fallback="model_timeout")
    assert value("fallbacks_total", reason="model_timeout") == 1
    assert value("cache_lookups_total", result="miss") == 1


def test_numbers_of_any_kind_are_durations(extractor, value, counting):
    for seconds in (1, True, 0.5, Decimal("0.5"), numpy.float32(0.25), numpy.int64(2)):
        extractor.record(seconds)
    assert value("requests_total") == 6
    assert value("duration_seconds_sum") == 5.25


@pytest.mark.parametrize("nonsense", ["fast", None, -1, float("nan"), float("inf"), 1e300, 1j])
def test_one_measurement_without_sense_costs_none_of_its_neighbours(
    extractor, value, counting, nonsense
):
    for seconds in (0.5, nonsense, 0.25):
        extractor.record(seconds, cache_hit=True)
    assert value("requests_total") == value("cache_lookups_total", result="hit") == 2
    assert value("duration_seconds_sum") == 0.75
    assert value("duration_seconds_bucket", le="0.25") == 1


def test_lists_stay_short_without_any_scrape(extractor, value):
    longest = 0
    for number in range(10 * BUFFER + 7):
        extractor.record(0.01, cache_hit=number % 2 == 0, fallback="slow", error="odd")
        with extractor.extraction() as extraction:
            extraction.cache_miss()
        extractor.observe_batch(1, 0.1)
        extractor.record_batch([0.1])
        longest = max(longest, waiting(extractor))
    assert longest < BUFFER
    assert value("requests_total") == 3 * (10 * BUFFER + 7)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.just("scrape"),
            st.tuples(st.floats(0, 20), st.sampled_from([None, True, False])),
            st.lists(st.floats(0, 20), max_size=5),
        )
    ),
    st.sampled_from([1, 2, 3, BUFFER]),
)
def test_counts_are_those_recorded_however_records_and_scrapes_alternate(steps, buffer):
    registry = CollectorRegistry()
    extractor = Extractor(registry=registry)
    seen, durations, hits, misses = totals(registry), [], 0, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("featurewatch.extractor.BUFFER", buffer)
        patch.setattr("featurewatch.recorder.BUFFER", buffer)
        for step in steps:
            if step == "scrape":
                before, seen = seen, totals(registry)
                counters = {key for key in before if not key[0].startswith("in_progress")}
                assert all(seen[key] >= before[key] for key in counters)
            elif isinstance(step, list):
                extractor.record_batch(step)
                durations += step
            else:
                extractor.record(step[0], cache_hit=step[1])
                durations.append(step[0])
                hits, misses = hits + (step[1] is True), misses + (step[1] is False)
    end = totals(registry)
    for bound in (*DURATION_BUCKETS, float("inf")):
        label = "+Inf" if bound == float("inf") else str(bound)
        assert end["duration_seconds_bucket", label] == sum(d <= bound for d in durations)
    assert end["requests_total",] == end["duration_seconds_count",] == len(durations)
    assert end["duration_seconds_sum",] == pytest.approx(sum(durations))
    assert (end["cache_lookups_total", "hit"], end["cache_lookups_total", "miss"]) == (hits, misses)


@pytest.fixture
def often():
    """Threads that take turns every few microseconds, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_events_of_many_threads_are_counted_exactly_under_scrapes(
    extractor, registry, value, often, counting
):
    threads, events = 8, 2_000
    done = threading.Event()

    def work(thread):
        for number in range(events):
            extractor.record(0.01, cache_hit=True, fallback=f"reason {number % 10}", error="odd")
            try:
                with extractor.extraction() as extraction:
                    extraction.cache_miss()
                    raise LookupError
            except LookupError:
                pass
            if number % 100 == 0:
                extractor.record_batch([0.1] * 5, cache_hits=[True, False, None])

    def scrape():
        rounds, requests = 0, 0
        while not done.is_set() or not rounds:
            found = totals(registry)
            assert found["requests_total",] >= requests
            assert found["requests_total",] == found["duration_seconds_count",]
            assert 0 <= found["in_progress",] <= threads
            rounds, requests = rounds + 1, found["requests_total",]
        return rounds

    with ThreadPoolExecutor(threads + 1) as pool:
        scraper = pool.submit(scrape)
        list(pool.map(work, range(threads)))
        done.set()
        assert scraper.result(timeout=PATIENCE_SECONDS) > 0
    # 8 x 2,000 in each way, and 8 x 20 batches of 5 items with 1 hit and 1 miss
    assert value("requests_total") == value("duration_seconds_count") == 32_000 + 800
    assert value("duration_seconds_bucket", le="+Inf") == 32_000 + 800
    assert value("cache_lookups_total", result="hit") == 16_000 + 160
    assert value("cache_lookups_total", result="miss") == 16_000 + 160
    assert value("errors_total", error_type="LookupError") == 16_000
    assert value("errors_total", error_type="odd") == 16_000
    assert value("fallbacks_total", reason="reason 3") == 1_600
    assert value("in_progress") == 0


def test_request_does_not_wait_for_a_scrape_that_holds_the_totals(extractor, value):
    with extractor._recorder._lock:
        for _ in range(3 * BUFFER):
            extractor.record(0.01)  # would stand still here
    assert value("requests_total") == 3 * BUFFER


def test_lists_stay_short_while_a_watched_queue_is_slow_to_answer(extractor, value):
    def depth():
        for _ in range(3 * BUFFER):
            extractor.record(0.01)
        return waiting(extractor)

    extractor.watch_queue(depth)
    assert value("queue_depth") < BUFFER
    assert value("requests_total") == 3 * BUFFER


class Poison(str):
    """Text that cannot be counted."""

    __slots__ = ()

    def __hash__(self):
        raise RuntimeError("no hash")


def test_entry_that_cannot_be_counted_stops_no_later_one(extractor, value):
    class Reason:
        def __str__(self):
            return Poison("odd")

    extractor.record(0.01, fallback=Reason())
    assert value("requests_total") == 1
    extractor.record(0.01, fallback="slow")
    assert value("fallbacks_total", reason="slow") == 1
    assert waiting(extractor) == 0


def test_scrape_inside_of_a_scrape_ends_and_the_next_one_shows_everything(
    extractor, value, monkeypatch
):
    # As when a signal handler of the main thread pushes the metrics at the wrong moment.
    monkeypatch.setattr("featurewatch.recorder.SCRAPE_WAIT", 0.01)
    extractor.record(0.01)
    with extractor._recorder._lock:
        assert value("requests_total") == 0
    assert value("requests_total") == 1


def test_extractor_that_is_gone_leaves_its_records(registry, value):
    for _ in range(3):
        Extractor(registry=registry).record(0.01)
    assert value("requests_total") == 3


def test_wall_clock_that_jumps_changes_no_duration(extractor, value, monkeypatch):
    clock = iter([1e9, -1e9, 0.0, 2e9])
    monkeypatch.setattr("time.time", lambda: next(clock, 0.0))
    with extractor.extraction():
        pass
    assert 0 <= value("duration_seconds_sum") < 60


def test_extraction_under_a_clock_that_runs_backwards_is_dropped_and_ends(
    extractor, value, monkeypatch
):
    clock = iter([100.0, 50.0])
    monkeypatch.setattr("featurewatch.extractor.perf_counter", lambda: next(clock))
    with extractor.extraction():
        pass
    assert value("requests_total") == 0
    assert value("in_progress") == 0


@pytest.mark.parametrize("form", ["context manager", "decorator", "async decorator"])
def test_exception_passes_as_it_was(extractor, form):
    error, context = KeyError("user_id"), ValueError("first")

    def fail():
        try:
            raise context
        except ValueError:
            raise error  # noqa: B904

    async def fail_later():
        fail()

    def managed():
        with extractor.extraction():
            fail()

    call = {
        "context manager": managed,
        "decorator": extractor.instrument(fail),
        "async decorator": lambda: asyncio.run(extractor.instrument(fail_later)()),
    }[form]
    with pytest.raises(KeyError) as raised:
        call()
    assert raised.value is error
    assert error.__context__ is context
    assert error.__cause__ is None


@pytest.mark.parametrize("form", ["context manager", "decorator", "async decorator"])
def test_exception_is_freed_when_its_handler_is_done(extractor, form):
    errors = []

    class Heavy(Exception):  # noqa: N818
        def __init__(self):
            errors.append(weakref.ref(self))

    def fail():
        raise Heavy

    async def fail_later():
        fail()

    def managed():
        with extractor.extraction():
            fail()

    def driven():
        extractor.instrument(fail_later)().send(None)

    forms = {
        "context manager": managed,
        "decorator": extractor.instrument(fail),
        "async decorator": driven,
    }
    gc.disable()  # a cycle would keep it, and what it holds, until the next collection
    try:
        with suppress(Heavy):
            forms[form]()
    finally:
        gc.enable()
    assert errors[0]() is None


def test_extraction_between_two_looks_never_makes_progress_negative(extractor, value):
    intake = extractor._recorder.intake

    class Starts:
        """The count of starts; one extraction begins and ends right after each look at it."""

        started = 0

        def __next__(self):
            seen, self.started = self.started, self.started + 1
            intake.spans.append(0.1)
            return seen

    intake.starts = Starts()
    assert value("in_progress") == 0


def test_many_extractors_make_no_more_families(registry):
    for number in range(50):
        Extractor(f"extractor {number}", registry=registry).record(0.1)
    text = generate_latest(registry).decode()
    assert text.count("# TYPE feature_extraction_duration_seconds histogram") == 1
    assert text.count("feature_extraction_requests_total{") == 50
