"""statsd datagrams: counters, timers and gauges count; everything else is counted and ignored."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurewatch import names
from featurewatch_exporter.errors import ExporterError
from featurewatch_exporter.fields import FieldError
from featurewatch_exporter.rules import Rule
from featurewatch_exporter.statsd import Measurement, RuleBook, event_of, parse_line

from .attempt import attempt
from .servers import HOST

MAP = {
    "features.time": {"metric": "duration_seconds"},
    "features.hit": {"metric": "cache_lookups_total", "labels": {"result": "hit"}},
    "features.miss": {"metric": "cache_lookups_total", "labels": {"result": "miss"}},
    "features.errors.*": {"metric": "errors_total", "label": "error_type"},
    "features.queue": {"metric": "queue_depth"},
}


@pytest.fixture
def page(run):
    """The page of an exporter that listens for statsd."""
    return run({"type": "statsd", "listen": f"{HOST}:0", "map": MAP})


@pytest.fixture
def send(page, closing):
    """Send datagrams to it."""
    sender = closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def to_exporter(*datagrams):
        for datagram in datagrams:
            sender.sendto(datagram, page.exporter.statsd_addresses[0])

    return to_exporter


def test_timers_counters_and_gauges_of_one_datagram(page, send, eventually):
    send(b"features.time:100|ms\nfeatures.time:20|ms\nfeatures.hit:1|c\nfeatures.queue:7|g\n")
    eventually(lambda: page("queue_depth") == 7)
    assert page("requests_total") == page("duration_seconds_count") == 2
    assert page("duration_seconds_bucket", "0.1") == 2
    assert page("cache_lookups_total", "hit") == 1
    assert page("cache_lookups_total", "miss") == 0
    assert page("source_up", "statsd") == 1
    assert page("source_failures_total", "statsd") == 0
    assert page("source_last_sample_timestamp_seconds", "statsd") is not None


def test_sampled_events_count_as_many_as_they_stand_for(page, send, eventually):
    send(b"features.time:20|ms|@0.1\nfeatures.hit:3|c|@0.5|#env:prod")
    eventually(lambda: page("cache_lookups_total", "hit") == 6)
    assert page("requests_total") == page("duration_seconds_count") == 10
    assert page("duration_seconds_sum") == pytest.approx(0.2)


def test_histogram_of_statsd_is_taken_in_the_metrics_own_unit(page, send, eventually):
    send(b"features.time:0.02|h")
    eventually(lambda: page("duration_seconds_count") == 1)
    assert page("duration_seconds_sum") == 0.02


def test_rest_of_the_name_is_the_label_of_a_star(page, send, eventually):
    send(b"features.errors.KeyError:2|c", b"features.errors.a.b:1|c", b"features.errors.:1|c")
    eventually(lambda: page("errors_total", "a.b") == 1)
    assert page("errors_total", "KeyError") == 2


def test_errors_beyond_100_kinds_are_counted_as_other(page, send, eventually):
    send(*(b"features.errors.E%d:5|c" % n for n in range(110)))
    eventually(lambda: page("errors_total", "other") == 50)
    assert page("label_values_dropped_total", "error_type") == 50


def test_names_that_nobody_mapped_are_ignored(page, send, eventually):
    send(b"other.time:1|ms\nother.set:x|c\nother.users:1|s\nfeatures.hit:1|c")
    eventually(lambda: page("cache_lookups_total", "hit") == 1)
    assert page("source_failures_total", "statsd") == 1  # x is no number, whoever sends it


@pytest.mark.parametrize(
    "case",
    [
        (b"garbage", "datagrams are not name:value|type (b'garbage')"),
        (b"\xff\xfe:1|c", "datagrams are not UTF-8 text (b'\\xff\\xfe:1|c')"),
        (b"features.hit:|c", "datagrams have a value that is no number (b'features.hit:|c')"),
        (b"features.hit:nan|c", "datagrams have a value that is no number (b'features.hit:nan|c')"),
        (b"features.hit:1_0|c", "datagrams have a value that is no number (b'features.hit:1_0|c')"),
        (b"features.time:1e999|ms", "features.time must come to a number from 0 to 1e+15 (inf)"),
        (b"features.hit:1|ms", "features.hit has a type that is no counter ('ms')"),
        (b"features.time:1|c", "features.time has a type that is no histogram ('c')"),
        (b"features.hit:1|x", "features.hit has a type that is no counter ('x')"),
        (
            b"features.queue:+1|g",
            "datagrams have a sign: changes of gauges, and counts below 0, are not taken "
            "(b'features.queue:+1|g')",
        ),
        (
            b"features.hit:1|c|@0",
            "datagrams have a sample rate that is not from 0.000001 to 1 (b'features.hit:1|c|@0')",
        ),
        (
            b"features.hit:1|c|@2",
            "datagrams have a sample rate that is not from 0.000001 to 1 (b'features.hit:1|c|@2')",
        ),
    ],
)
def test_line_that_makes_no_sense_is_counted_and_the_others_taken(
    page, send, eventually, caplog, case
):
    line, problem = case
    send(line + b"\nfeatures.miss:1|c\n" + line)
    eventually(lambda: page("source_failures_total", "statsd") == 2)
    assert page("cache_lookups_total", "miss") == 1
    assert page("cache_lookups_total", "hit") == page("requests_total") == 0
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    where = "source statsd of feature_extractor: "
    assert warnings == [where + problem]


def test_gauge_that_is_not_sent_again_disappears(run, closing, eventually):
    page = run({"type": "statsd", "listen": f"{HOST}:0", "map": MAP, "stale_after_seconds": 0.5})
    sender = closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sender.sendto(b"features.queue:7|g\nfeatures.hit:1|c", page.exporter.statsd_addresses[0])
    eventually(lambda: page("cache_lookups_total", "hit") == 1)
    eventually(lambda: page("queue_depth") is None)
    assert page("cache_lookups_total", "hit") == 1


def test_port_that_is_taken_is_told_with_the_mend(run, page):
    address = page.exporter.statsd_addresses[0]
    with pytest.raises(ExporterError) as raised:
        run({"type": "statsd", "listen": str(address), "map": MAP})
    assert str(raised.value) == (
        f"cannot listen for statsd on {address} (Address already in use): "
        "stop what listens there, or choose another address"
    )


def test_port_is_free_again_after_the_end(run, page):
    address = page.exporter.statsd_addresses[0]
    page.exporter.__exit__(None, None, None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(tuple(address))


def test_ipv6_address_is_listened_on(run, eventually):
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    page = run({"type": "statsd", "listen": "[::1]:0", "map": MAP})
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"features.hit:1|c", tuple(page.exporter.statsd_addresses[0]))
        eventually(lambda: page("cache_lookups_total", "hit") == 1)
    assert str(page.exporter.statsd_addresses[0]).startswith("[::1]:")


def test_rule_with_the_whole_name_goes_before_a_star():
    whole = Rule(path="e.all", metric=names.REQUESTS)
    star = Rule(path="e.*", metric=names.ERRORS, open=True)
    book = RuleBook([star, whole])
    assert book.find("e.all") == [(whole, None)]
    assert book.find("e.x") == [(star, "x")]
    assert book.find("e") == book.find("e.") == book.find("f") == []


@given(line=st.binary() | st.from_regex(rb"[a-c]:[0-9eE+.-]{1,9}\|(c|ms|g|h|d|s)(\|@[0-9.]{1,5})?"))
def test_any_line_is_a_measurement_or_a_named_fault(line):
    measurement, problem = attempt(ValueError, parse_line, line)
    if measurement is None:
        assert problem.startswith(("are ", "have "))
    else:
        assert measurement.name
        assert measurement.value >= 0
        assert 0 < measurement.rate <= 1


RULES = [
    Rule(path="a", metric=names.DURATION),
    Rule(path="a", metric=names.REQUESTS),
    Rule(path="a", metric=names.QUEUE_DEPTH),
    Rule(path="a", metric=names.CPU_UTILIZATION, scale=0.01),
]


@given(
    rule=st.sampled_from(RULES),
    value=st.floats(min_value=0, allow_nan=False),
    kind=st.sampled_from(["c", "g", "ms", "h", "d", "s"]),
    rate=st.floats(1e-6, 1),
)
def test_any_measurement_gives_a_finite_event_or_a_named_fault(rule, value, kind, rate):
    measurement = Measurement("a", value, kind, rate)
    event, problem = attempt(FieldError, event_of, rule, None, measurement)
    if event is None:
        assert problem
    else:
        assert 0 <= event.value <= 1e15
        assert 1 <= event.weight <= 1e6 + 1


@given(name=st.from_regex(r"[a-z.]{1,20}", fullmatch=True), value=st.integers(0, 10**12))
def test_what_a_client_writes_is_read_back(name, value):
    assert parse_line(f"{name}:{value}|c|@0.5|#a:b".encode()) == (name, value, "c", 0.5)
