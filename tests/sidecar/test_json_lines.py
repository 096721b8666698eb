"""A file of JSON lines is followed as it grows, is rotated and truncated; each line counts once."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurewatch import names
from featurewatch.distribution import Snapshot
from featurewatch_exporter.fields import Event, FieldError
from featurewatch_exporter.json_lines import LineReader
from featurewatch_exporter.line_events import RecordReader, read_events
from featurewatch_exporter.rules import Rule
from featurewatch_exporter.totals import Totals

MAP = {
    "latency_ms": {"metric": "duration_seconds", "scale": 0.001},
    "cache": {"metric": "cache_lookups_total", "label": "result"},
    "error": {"metric": "errors_total", "label": "error_type"},
    "fallback": {"metric": "fallbacks_total", "label": "reason"},
    "queue": {"metric": "queue_depth"},
}


#: A gauge cannot be that of two workers.
MAP_OF_WORKERS = {name: rule for name, rule in MAP.items() if name != "queue"}


@pytest.fixture
def log(tmp_path):
    """A log file that is there before the exporter, with a line that is history."""
    file = tmp_path / "features.jsonl"
    file.write_text('{"latency_ms": 9999}\n')
    return file


def write(file, *records):
    with file.open("a") as stream:
        for record in records:
            stream.write((record if isinstance(record, str) else json.dumps(record)) + "\n")


@pytest.fixture
def follow(run, log, eventually):
    """Run an exporter that follows the log, from now on."""

    def start(**more):
        page = run({"type": "file", "path": str(log), "map": MAP, **more})
        eventually(lambda: page("source_up", "file") == 1)
        return page

    return start


def test_each_line_is_one_extraction_from_the_end_of_the_file_on(follow, log, eventually):
    page = follow()
    assert page("requests_total") == 0
    write(
        log,
        {"latency_ms": 100, "cache": "hit"},
        {"latency_ms": 20, "cache": False, "error": "KeyError", "fallback": None},
        {"latency_ms": 20, "error": "", "fallback": "model_timeout"},
        {"error": True},
    )
    eventually(lambda: page("requests_total") == 4)
    assert page("duration_seconds_count") == 3
    assert page("duration_seconds_bucket", "0.1") == 3  # 100 ms is not above its bound
    assert page("duration_seconds_bucket", "0.025") == 2
    assert page("duration_seconds_sum") == pytest.approx(0.14)
    assert page("cache_lookups_total", "hit") == page("cache_lookups_total", "miss") == 1
    assert page("errors_total", "KeyError") == page("errors_total", "unknown") == 1
    assert page("fallbacks_total", "model_timeout") == 1
    assert page("source_last_sample_timestamp_seconds", "file") is not None


def test_counts_exist_at_0_before_the_first_line(follow):
    page = follow()
    assert page("requests_total") == 0
    assert page("cache_lookups_total", "hit") == page("cache_lookups_total", "miss") == 0
    assert page("duration_seconds_count") == 0
    assert page("queue_depth") is None


def test_lines_of_other_things_are_left_alone(follow, log, eventually):
    page = follow()
    write(log, {"msg": "started"}, "", {"queue": 3}, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 1)
    assert page("queue_depth") == 3
    assert page("source_failures_total", "file") == 0


def test_whoever_maps_requests_counts_them(follow, log, eventually):
    page = follow(map={**MAP, "n": {"metric": "requests_total"}})
    write(log, {"latency_ms": 1, "n": 10}, {"latency_ms": 1})
    eventually(lambda: page("duration_seconds_count") == 2)
    assert page("requests_total") == 10


@pytest.mark.parametrize("garbage", ["{", "text", "[1]", "\0\0\0", '{"a": 1', "9" * 5000, "NaN"])
def test_line_that_is_no_object_is_counted_and_the_next_one_taken(follow, log, eventually, garbage):
    page = follow()
    write(log, garbage, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 1)
    assert page("source_failures_total", "file") == 1


@pytest.mark.parametrize("value", ["12", True, [1], {"a": 1}, -1, float("nan"), 1e400])
def test_duration_that_makes_no_sense_is_counted_and_no_extraction(follow, log, eventually, value):
    page = follow()
    write(log, {"latency_ms": value}, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 1)
    assert page("source_failures_total", "file") == 1
    assert page("duration_seconds_sum") == 0.001


def test_many_bad_lines_are_one_line_of_log_each_kind(follow, log, eventually, caplog):
    page = follow()
    for _ in range(50):
        write(log, "garbage", {"latency_ms": "x"}, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 50)
    assert page("source_failures_total", "file") == 100
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == [
        "source file of feature_extractor: lines are no JSON objects (b'garbage')",
        "source file of feature_extractor: latency_ms is no number ('x')",
    ]


def test_partial_last_line_waits_for_its_end(follow, log, eventually):
    page = follow()
    with log.open("a") as stream:
        stream.write('{"latency_ms": 1}\n{"latency')
        stream.flush()
        eventually(lambda: page("requests_total") == 1)
        stream.write('_ms": 3}\n')
    eventually(lambda: page("requests_total") == 2)
    assert page("duration_seconds_sum") == pytest.approx(0.004)
    assert page("source_failures_total", "file") == 0


def test_rotation_by_rename_loses_and_doubles_nothing(follow, log, eventually):
    page = follow()
    for n in range(3):
        write(log, {"latency_ms": 1})
        log.rename(log.with_name(f"features.jsonl.{n}"))
        write(log.with_name(f"features.jsonl.{n}"), {"latency_ms": 1})  # its writer, still at it
        write(log, {"latency_ms": 1})
        eventually(lambda n=n: page("requests_total") == 3 * (n + 1))
    assert page("source_failures_total", "file") == 0


def test_truncated_file_is_read_from_its_beginning(follow, log, eventually):
    page = follow()
    write(log, {"latency_ms": 1}, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 2)
    log.write_text("")
    write(log, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 3)


def test_file_that_comes_later_is_read_from_its_beginning(run, tmp_path, eventually, caplog):
    file = tmp_path / "later" / "features.jsonl"
    page = run({"type": "file", "path": str(file), "map": MAP})
    eventually(lambda: caplog.messages)
    assert page("source_up", "file") == 0
    file.parent.mkdir()
    write(file, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 1)
    assert page("source_up", "file") == 1
    assert caplog.messages[0] == (
        "source file of feature_extractor cannot be read ('No such file or directory')"
    )


def test_file_that_goes_away_is_down_and_its_counters_stay(follow, log, eventually):
    page = follow()
    write(log, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 1)
    log.unlink()
    eventually(lambda: page("source_up", "file") == 0)
    assert page("requests_total") == 1
    write(log, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 2 and page("source_up", "file") == 1)


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_regular_file_is_down(run, tmp_path, eventually, caplog, kind):
    place = tmp_path / "thing"
    place.mkdir() if kind == "directory" else os.mkfifo(place)
    page = run({"type": "file", "path": str(place), "map": MAP})
    eventually(lambda: caplog.messages)
    assert "is no regular file" in caplog.messages[0]
    assert page("source_up", "file") == 0


def test_gauge_that_no_line_sets_again_disappears(follow, log, eventually):
    page = follow(stale_after_seconds=2)
    write(log, {"queue": 3, "latency_ms": 1})
    eventually(lambda: page("queue_depth") == 3)
    eventually(lambda: page("queue_depth") is None)
    assert page("requests_total") == 1
    assert page("source_up", "file") == 1


def test_labels_are_capped_and_cut(follow, log, eventually):
    page = follow()
    write(log, *({"error": f"E{n}" + "x" * 1000} for n in range(150)))
    eventually(lambda: page("requests_total") == 150)
    values = [key[2] for key in page.series() if key[0] == "errors_total"]
    assert len(values) == 101
    assert max(map(len, values)) == 128
    assert page("errors_total", "other") == page("label_values_dropped_total", "error_type") == 50


def test_logs_of_two_workers_add_up(run, tmp_path, eventually):
    files = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for file in files:
        file.touch()
    page = run(
        *({"type": "file", "name": f.stem, "path": str(f), "map": MAP_OF_WORKERS} for f in files)
    )
    eventually(lambda: page("source_up", "one") == page("source_up", "two") == 1)
    for file in files:
        write(file, {"latency_ms": 1, "error": "KeyError"})
    eventually(lambda: page("requests_total") == 2)
    assert page("errors_total", "KeyError") == 2


def test_reader_that_fails_as_nobody_foresaw_is_down_and_begins_again(
    follow, log, eventually, monkeypatch
):
    page = follow()
    with monkeypatch.context() as broken:
        broken.setattr(LineReader, "_take", lambda *_: {}["surprise"])
        write(log, {"latency_ms": 1})
        eventually(lambda: page("source_failures_total", "file") == 1)
    write(log, {"latency_ms": 1})
    eventually(lambda: page("requests_total") == 1 and page("source_up", "file") == 1)


def test_buckets_can_be_those_of_your_thresholds(run, log, eventually):
    source = {"type": "file", "path": str(log), "map": MAP}
    page = run(source, duration_buckets=[0.2, 0.4])
    eventually(lambda: page("source_up", "file") == 1)
    write(log, {"latency_ms": 200}, {"latency_ms": 300})
    eventually(lambda: page("requests_total") == 2)
    assert page("duration_seconds_bucket", "0.2") == 1
    assert page("duration_seconds_bucket", "0.4") == 2
    assert page("duration_seconds_bucket", "0.1") is None


RULES = [
    Rule(path="a", metric=names.DURATION, scale=0.001),
    Rule(path="a", metric=names.ERRORS, open=True),
    Rule(path="a", metric=names.ERRORS, fixed="any"),
    Rule(path="a", metric=names.CACHE_LOOKUPS, open=True),
    Rule(path="a.*", metric=names.FALLBACKS, open=True),
    Rule(path="a.b", metric=names.QUEUE_DEPTH),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3) | st.just("b"), inner),
)


COMMON = st.sampled_from([0, 1, 250, 12.5, -1, 1e15, True, False, "", "KeyError", "hit", None, []])


@given(records=st.lists(st.dictionaries(st.just("a"), COMMON | VALUES)), as_text=st.booleans())
def test_many_records_tell_what_each_tells_by_itself(records, as_text):
    failures = []
    reader = RecordReader(RULES, lambda rule, error: failures.append(error), as_text=as_text)
    one_by_one = Totals("a", clock=lambda: 0)
    for record in records:
        reader.add(record)
        for rule in RULES:
            told = list(read_events(rule, record, as_text=as_text))
            one_by_one.add([one for one in told if isinstance(one, Event)], 60)
            failures += [None for one in told if isinstance(one, FieldError)]
    together = Totals("a", clock=lambda: 0)
    together.add(reader.take()[0], 60)
    assert figures(together) == figures(one_by_one)
    assert failures.count(None) * 2 == len(failures)


def figures(totals):
    """The series as numbers that differ by no more than the order of an addition."""
    shown = {}
    for metric, labels, value in totals.samples():
        if isinstance(value, Snapshot):
            shown[metric, labels] = [*dict(value.buckets).values(), pytest.approx(value.sum)]
        else:
            shown[metric, labels] = pytest.approx(value)
    return shown


@given(record=st.dictionaries(st.sampled_from(["a", "a.b"]), VALUES), rule=st.sampled_from(RULES))
def test_any_record_gives_events_that_make_sense_or_a_named_fault(record, rule):
    for told in read_events(rule, record):
        if isinstance(told, FieldError):
            assert told.problem
        else:
            assert 0 <= told.value <= 1e15
            assert (told.label is None) == (not rule.open)
