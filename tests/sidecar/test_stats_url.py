"""A stats URL that is polled: its figures are shown as they are, or not at all."""

import gzip
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurewatch import names
from featurewatch_exporter.fetching import Answer, FetchError, fetch
from featurewatch_exporter.fields import FieldError
from featurewatch_exporter.rules import Rule
from featurewatch_exporter.stats_url import parse, read_figures

from .attempt import attempt

SNAPSHOT = {
    "p95_time_ms": 150,
    "cache_hit_rate": 0.8,
    "error_rate": 0.001,
    "fallback_rate": 0.06,
    "cpu_percent": 95,
    "memory_percent": 96,
}
SHOWN = {
    "snapshot_p95_seconds": 0.15,
    "snapshot_cache_hit_ratio": 0.8,
    "snapshot_error_ratio": 0.001,
    "snapshot_fallback_ratio": 0.06,
    "cpu_utilization_ratio": 0.95,
    "memory_utilization_ratio": 0.96,
}
COUNTERS = {
    "requests": {"metric": "requests_total"},
    "stats.cache.hits": {"metric": "cache_lookups_total", "labels": {"result": "hit"}},
    "stats.errors.*": {"metric": "errors_total", "label": "error_type"},
    "queue": {"metric": "queue_depth"},
}
QUICK = {"interval_seconds": 0.1, "stale_after_seconds": 0.5}
MEGABYTE = 1024 * 1024


@pytest.fixture
def poll(run, stats):
    """Run an exporter that polls the stats URL ten times a second."""

    def start(**more):
        slow = {"interval_seconds": 0.1, "timeout_seconds": 10, "stale_after_seconds": 60}
        return run({"type": "http", "url": stats.url, **slow, **more})

    return start


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_preset_shows_the_figures_of_a_monitor(poll, stats, eventually):
    stats.answer = SNAPSHOT
    page = poll(preset="monitor_snapshot")
    eventually(lambda: page("snapshot_p95_seconds"))
    assert {name: page(name) for name in SHOWN} == SHOWN
    assert page("source_up", "http") == 1
    assert page("source_failures_total", "http") == 0
    assert abs(time.time() - page("source_last_sample_timestamp_seconds", "http")) < 60
    assert "/stats" in stats.asked


def test_counters_and_gauges_of_nested_fields_are_passed_on(poll, stats, eventually):
    stats.answer = {
        "requests": 1000,
        "stats": {"cache": {"hits": 900}, "errors": {"KeyError": 2, "Timeout": 1}},
        "queue": 7,
    }
    page = poll(map=COUNTERS)
    eventually(lambda: page("requests_total") == 1000)
    assert page("cache_lookups_total", "hit") == 900
    assert page("errors_total", "KeyError") == 2
    assert page("errors_total", "Timeout") == 1
    assert page("queue_depth") == 7


def test_counter_that_begins_anew_is_shown_as_it_is(poll, stats, eventually):
    stats.answer = {"requests": 1000}
    page = poll(map={"requests": {"metric": "requests_total"}})
    eventually(lambda: page("requests_total") == 1000)
    stats.answer = {"requests": 3}
    eventually(lambda: page("requests_total") == 3)


@pytest.mark.parametrize("value", [None, "12", True, [], {"a": 1}, -1, float("nan"), 1e400, 1.5])
def test_figure_that_makes_no_sense_has_no_series_and_is_counted(poll, stats, eventually, value):
    stats.answer = {**SNAPSHOT, "cache_hit_rate": value}
    page = poll(preset="monitor_snapshot")
    eventually(lambda: page("source_failures_total", "http"))
    eventually(lambda: page("snapshot_p95_seconds"))
    assert page("snapshot_cache_hit_ratio") is None
    assert page("source_up", "http") == 1


def test_figure_that_goes_bad_disappears_at_once_and_the_log_says_so_once(
    poll, stats, eventually, caplog
):
    caplog.set_level("INFO")
    stats.answer = {"queue": 7}
    page = poll(map={"queue": {"metric": "queue_depth"}})
    eventually(lambda: page("queue_depth") == 7)
    stats.answer = {"queue": "seven"}
    eventually(lambda: page("source_failures_total", "http") >= 3)
    assert page("queue_depth") is None
    assert warnings(caplog) == ["source http of feature_extractor: queue is no number ('seven')"]
    stats.answer = {"queue": 8}
    eventually(lambda: page("queue_depth") == 8)
    assert caplog.messages[-1] == "source http of feature_extractor: queue: well again"


def test_gauges_of_a_stale_source_disappear_and_counters_stay(poll, stats, eventually):
    stats.answer = {"requests": 1000, "queue": 7}
    page = poll(
        map={"requests": {"metric": "requests_total"}, "queue": {"metric": "queue_depth"}}, **QUICK
    )
    eventually(lambda: page("queue_depth") == 7)
    last = page("source_last_sample_timestamp_seconds", "http")
    stats.status = 500
    eventually(lambda: page("queue_depth") is None)
    assert page("requests_total") == 1000
    assert page("source_up", "http") == 0
    assert page("source_last_sample_timestamp_seconds", "http") >= last
    stats.status = 200
    eventually(lambda: page("queue_depth") == 7 and page("source_up", "http") == 1)


@pytest.mark.parametrize(
    "case",
    [
        (b"<html>", 200, "answers with something that is no JSON (b'<html>')"),
        (b"", 200, "answers with something that is no JSON (b'')"),
        (
            b"[" * 100_000,
            200,
            "answers with something that is no JSON (b'[[[[[[[[[[[...[[[[[[[[[[[[')",
        ),
        (b"1", 200, "answers with JSON that is no object or array (b'1')"),
        (b"\xff\xfe\x00", 200, "answers with something that is no JSON (b'\\xff\\xfe\\x00')"),
        (b"{}", 503, "answers with status 503 ('Service Unavailable')"),
        (b"{" + b" " * MEGABYTE + b"}", 200, "answers with more than 1048576 bytes"),
    ],
    ids=["html", "empty", "deep", "number", "bytes", "503", "large"],
)
def test_answer_that_cannot_be_used_is_told_once_and_counted(poll, stats, eventually, caplog, case):
    stats.answer, stats.status, problem = case
    page = poll(preset="monitor_snapshot", timeout_seconds=5, interval_seconds=5)
    eventually(lambda: page("source_failures_total", "http"))
    assert page("source_up", "http") == 0
    assert page("source_last_sample_timestamp_seconds", "http") is None
    assert len(warnings(caplog)) == 1
    assert warnings(caplog)[0].startswith("source http of feature_extractor answers")
    assert warnings(caplog)[0].partition(" (")[0].endswith(problem.partition(" (")[0])


def test_trouble_that_lasts_is_one_line_and_one_failure_per_poll(poll, stats, eventually, caplog):
    stats.status = 503
    page = poll(preset="monitor_snapshot")
    eventually(lambda: page("source_failures_total", "http") >= 4)
    assert len(warnings(caplog)) == 1
    stats.status = 404
    eventually(lambda: len(warnings(caplog)) == 2)
    assert "status 404" in warnings(caplog)[1]


def test_redirect_is_not_followed(poll, stats, eventually, caplog):
    stats.status, stats.headers = 302, {"Location": "/elsewhere"}
    page = poll(preset="monitor_snapshot")
    eventually(lambda: page("source_failures_total", "http") >= 2)
    assert set(stats.asked) == {"/stats"}
    assert "answers with status 302" in warnings(caplog)[0]


def test_query_of_the_url_is_sent(poll, stats, eventually):
    poll(preset="monitor_snapshot", url=stats.url + "?window=5m")
    eventually(lambda: "/stats?window=5m" in stats.asked)


def test_url_where_nobody_listens_is_down(run, eventually, caplog):
    page = run({"type": "http", "url": "http://127.0.0.1:1/", "preset": "monitor_snapshot"})
    eventually(lambda: warnings(caplog))
    assert warnings(caplog) == [
        "source http of feature_extractor cannot be reached ('Connection refused')"
    ]
    assert page("source_up", "http") == 0


def test_https_is_spoken_and_a_server_that_does_not_is_down(poll, stats, eventually, caplog):
    page = poll(preset="monitor_snapshot", url=stats.url.replace("http:", "https:"))
    eventually(lambda: page("source_failures_total", "http"))
    assert "cannot be reached" in warnings(caplog)[0]
    assert "SSL" in warnings(caplog)[0]
    assert stats.asked == []


def endless(sent):
    """Answer with 100 MB, and note how much of it was taken."""

    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" " * MEGABYTE)
            sent.append(MEGABYTE)

    return serve


def test_answer_of_100_megabytes_is_cut_off_without_reading_it(bare, eventually):
    sent = []
    server = bare(endless(sent))
    with pytest.raises(FetchError, match="answers with more than 1048576 bytes"):
        fetch(server.url, 10, MEGABYTE)
    eventually(lambda: not any(t.is_alive() for t in server._threads[1:]))
    assert sum(sent) < 20 * MEGABYTE  # what fits into the buffers of both sides


def test_declared_length_beyond_the_limit_is_refused_before_the_body(bare):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        connection.recv(1)

    with pytest.raises(FetchError, match="answers with more than 10 bytes"):
        fetch(bare(serve).url, 10, 10)


def drips(piece):
    """Send something often, and never come to an end."""

    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(piece)
            time.sleep(0.05)

    return serve


@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", [b"x", b"\r\n "], ids=["header", "body"])
def test_server_that_drips_is_left_when_the_time_is_over(bare, piece):
    with pytest.raises(FetchError, match=r"gives no whole answer within 0\.3 s"):
        fetch(bare(drips(piece)).url, 0.3, MEGABYTE)


def test_server_that_never_answers_is_left_when_the_time_is_over(bare):
    with pytest.raises(FetchError, match=r"gives no whole answer within 0\.2 s"):
        fetch(bare(lambda connection: connection.recv(1 << 20) and connection.recv(1)).url, 0.2, 10)


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", b"\0" * 99],
    ids=["nothing", "ssh", "short", "zeros"],
)
def test_what_is_no_http_is_a_failure(bare, answer):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(answer)
        connection.close()

    def ask():
        answer = fetch(bare(serve).url, 5, MEGABYTE)
        return parse(answer._replace(body=answer.body.ljust(9, b"?")))

    with pytest.raises(FetchError):
        ask()


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_answer_that_is_packed_is_unpacked(poll, stats, eventually, encoding):
    packed = gzip.compress(b'{"requests"') + gzip.compress(b": 7}")  # of two members
    stats.answer, stats.headers = packed, {"Content-Encoding": encoding}
    page = poll(map={"requests": {"metric": "requests_total"}})
    eventually(lambda: page("requests_total") == 7)


@pytest.mark.parametrize(
    ("encoding", "body", "problem"),
    [
        ("gzip", b"{}", "answers with something that is no gzip"),
        ("gzip", gzip.compress(b'{"a": 1}')[:-4], "answers with something that is no gzip"),
        ("gzip", gzip.compress(b"[" + b"0," * 1000 + b"0]"), "answers with more than 1000 bytes"),
        ("br", b"{}", "answers in an encoding that was not asked for"),
    ],
    ids=["plain", "cut", "bomb", "other"],
)
def test_packed_answer_that_cannot_be_used_is_a_failure(stats, encoding, body, problem):
    stats.answer, stats.headers = body, {"Content-Encoding": encoding}
    with pytest.raises(FetchError, match=problem):
        fetch(stats.url, 10, 1000)


def test_array_is_mapped_by_its_elements_and_counts_are_added_up(poll, stats, eventually):
    stats.answer = [{"name": "a", "n": 3, "queue": 1}, {"name": "b", "n": 4, "queue": 9}]
    page = poll(
        map={"[*].n": {"metric": "requests_total"}, "[name=b].queue": {"metric": "queue_depth"}}
    )
    eventually(lambda: page("requests_total") == 7)
    assert page("queue_depth") == 9


def test_one_bad_field_below_a_star_is_counted_and_the_others_are_shown(poll, stats, eventually):
    stats.answer = {"errors": {"Timeout": 120, "ValueError": None, "last": "2026-05-03"}}
    page = poll(
        map={"errors.*": {"metric": "errors_total", "label": "error_type"}}, interval_seconds=60
    )
    eventually(lambda: page("errors_total", "Timeout") == 120)
    assert page("errors_total", "ValueError") is None
    assert page("errors_total", "last") is None
    assert page("source_failures_total", "http") == 2


def test_numbers_as_text_are_taken_by_option(poll, stats, eventually):
    stats.answer = {"p95_time_ms": "120", "cache_hit_rate": "0.9"}
    page = poll(preset="monitor_snapshot", numbers_as_text=True)
    eventually(lambda: page("snapshot_p95_seconds") == 0.12)
    assert page("snapshot_cache_hit_ratio") == 0.9


def test_more_than_100_keys_below_a_star_are_counted_as_other(poll, stats, eventually):
    stats.answer = {"stats": {"errors": {f"E{n}": 1 for n in range(150)}}}
    page = poll(map={"stats.errors.*": {"metric": "errors_total", "label": "error_type"}})
    eventually(lambda: page("errors_total", "E0"))
    series = [key for key in page.series() if key[0] == "errors_total"]
    assert len(series) == 101
    assert page("errors_total", "other") == 50
    assert page("label_values_dropped_total", "error_type") == 50


RULES = [
    Rule(path="a", metric=names.REQUESTS),
    Rule(path="a.b", metric=names.SNAPSHOT_P95, scale=0.001),
    Rule(path="a.b.*", metric=names.ERRORS, open=True),
    Rule(path="a.*", metric=names.CACHE_LOOKUPS, open=True),
]
NUMBERS = st.integers() | st.floats() | st.just(10**400)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "b", "hit", "é"]), inner),
)


@given(
    answer=st.dictionaries(st.sampled_from(["a", "a.b", "b"]), VALUES), rule=st.sampled_from(RULES)
)
def test_any_answer_gives_numbers_that_make_sense_or_a_named_fault(answer, rule):
    for told in read_figures(rule, answer):
        if isinstance(told, FieldError):
            assert told.problem
        else:
            assert 0 <= told.value <= 1e15
            assert (told.label is None) == (not rule.open)


@given(body=st.binary())
def test_any_body_is_an_object_or_a_named_fault(body):
    tree, problem = attempt(FetchError, parse, Answer(body, ""))
    assert isinstance(tree, dict | list) or problem.startswith("answers with")


@given(value=st.integers(0, 10**9))
def test_milliseconds_become_the_seconds_that_people_would_write(value):
    rule = Rule(path="ms", metric=names.SNAPSHOT_P95, scale=0.001)
    [event] = read_figures(rule, json.loads(f'{{"ms": {value}}}'))
    assert event.value == value / 1000
