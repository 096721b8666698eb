"""Lines of statsd: what the map names counts, what it does not is ignored, nonsense is told."""

import socket

import pytest

from featurewatch import names
from featurewatch_exporter.rules import Rule
from featurewatch_exporter.statsd import intake
from featurewatch_exporter.statsd.book import RuleBook

from .servers import HOST

MAP = {
    "features.time": {"metric": "duration_seconds"},
    "features.hit": {"metric": "cache_lookups_total", "labels": {"result": "hit"}},
    "features.miss": {"metric": "cache_lookups_total", "labels": {"result": "miss"}},
    "features.errors.*": {"metric": "errors_total", "label": "error_type"},
    "features.queue": {"metric": "queue_depth"},
}
TAGGED = {
    "time": {"metric": "duration_seconds", "tags": {"stage": "all"}, "unit": "seconds"},
    "cache": {"metric": "cache_lookups_total", "label": "result", "tag": "cache"},
    "failed": {"metric": "errors_total", "label": "error_type", "tag": "error"},
    "spare": {"metric": "fallbacks_total", "label": "reason", "tag": "why"},
}


@pytest.fixture
def listening(run, closing):
    """Run an exporter with this map; return its page and a way to send datagrams to it."""
    sender = closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def start(rules=MAP, **more):
        page = run({"type": "statsd", "listen": f"{HOST}:0", "map": rules, **more})

        def send(*datagrams):
            for datagram in datagrams:
                sender.sendto(datagram, page.exporter.statsd_endpoints[0].place)

        return page, send

    return start


@pytest.fixture
def page_and_send(listening):
    return listening()


@pytest.fixture
def page(page_and_send):
    """The page of an exporter that listens for statsd."""
    return page_and_send[0]


@pytest.fixture
def send(page_and_send):
    """Send datagrams to it."""
    return page_and_send[1]


@pytest.fixture
def warnings(caplog):
    """What the log warns of, without the source."""

    def of():
        messages = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
        return [
            message.removeprefix("source statsd of feature_extractor: ") for message in messages
        ]

    return of


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
    send(b"features.hit:3|c|@0.5|#env:prod\nfeatures.time:20|ms|@0.1\nfeatures.time:20:20|ms|@0.5")
    eventually(lambda: page("cache_lookups_total", "hit") == 6)
    assert page("requests_total") == page("duration_seconds_count") == 14
    assert page("duration_seconds_sum") == pytest.approx(0.28)


def test_histogram_of_statsd_is_taken_in_the_metrics_own_unit(page, send, eventually):
    send(b"features.time:0.02|h\nfeatures.time:0.02|d")
    eventually(lambda: page("duration_seconds_count") == 2)
    assert page("duration_seconds_sum") == 0.04


def test_unit_of_a_name_goes_before_that_of_its_type(listening, eventually):
    unit = {"metric": "duration_seconds", "unit": "seconds"}
    page, send = listening({"t": unit, "u": {**unit, "unit": "microseconds"}})
    send(b"t:0.02|ms\nu:3000|h")
    eventually(lambda: page("duration_seconds_count") == 2)
    assert page("duration_seconds_sum") == 0.023


def test_several_values_of_one_line_all_count(page, send, eventually):
    send(
        b"features.time:21:43.2:1657|d|#env:prod",
        b"features.hit:1:2:3|c",
        b"features.queue:3:9:4|g",
        b"features.time:20|ms:30|ms|@0.5:40|ms",
    )
    eventually(lambda: page("duration_seconds_count") == 7)
    assert page("cache_lookups_total", "hit") == 6
    assert page("queue_depth") == 4
    assert page("source_failures_total", "statsd") == 0


def test_value_that_makes_no_sense_costs_itself_and_not_those_beside_it(
    page, send, eventually, warnings
):
    send(b"features.time:20:nan:22|ms", b"features.hit:1:-1:2|c")
    eventually(lambda: page("cache_lookups_total", "hit") == 3)
    assert page("duration_seconds_count") == 2
    assert page("source_failures_total", "statsd") == 2
    assert warnings() == [
        "features.time has a value that is no number ('nan')",
        "features.hit must come to a number from 0 to 1e+15 ('-1')",
    ]


#: The same five events in each style of tags; the tags are not mapped.
STYLES = {
    "DogStatsD": "{name}:{rest}|#env:prod,flag",
    "all fields": "{name}:{rest}|#env:prod|c:ci-0af3|e:it-false,cn-app|T1656581400|card:low",
    "InfluxDB": "{name},env=prod,url=/x:{rest}",
    "Librato": "{name}#env=prod,zone=b:{rest}",
    "Sysdig": "{name}#flag,zone=b:{rest}",
    "SignalFx": "{name}[env=prod,url=http://x/y]:{rest}",
    "SignalFx in front": "[env=prod]{name}:{rest}",
    "Graphite": "{name};env=prod;zone=b:{rest}",
    "two at once": "{name},env=prod:{rest}|#zone:b",
}


@pytest.mark.parametrize("style", STYLES)
def test_tags_of_every_style_change_neither_name_nor_label(page, send, eventually, style):
    events = [
        ("features.time", "20|ms"),
        ("features.hit", "1|c"),
        ("features.queue", "7|g"),
        ("features.errors.KeyError", "1|c"),
        ("features.errors.a.b", "2|c"),
    ]
    send(*(STYLES[style].format(name=name, rest=rest).encode() for name, rest in events))
    eventually(lambda: page("errors_total", "a.b") == 2)
    assert page("errors_total", "KeyError") == page("cache_lookups_total", "hit") == 1
    assert page("duration_seconds_count") == 1
    assert page("queue_depth") == 7
    assert page("source_failures_total", "statsd") == 0


@pytest.mark.parametrize("style", ["{name}:{rest}|#{k}:{v}", "{name},{k}={v}:{rest}"])
def test_tag_can_be_the_label_and_can_choose_lines(listening, eventually, style):
    page, send = listening(TAGGED)

    def line(name, rest, k, v):
        return style.format(name=name, rest=rest, k=k, v=v).encode()

    send(
        line("time", "0.5|ms", "stage", "all"),
        line("time", "0.1|ms", "stage", "parse"),  # not the one that is mapped
        line("cache", "3|c", "cache", "hit"),
        line("cache", "2|c", "cache", "true"),
        line("cache", "1|c", "cache", "false"),
        line("failed", "1|c", "error", "KeyError"),
        line("failed", "1|c", "error", "false"),
        line("failed", "1|c", "other", "x"),
        b"spare:1|c",
        b"cache:1|c",  # of which nobody can say what it was
    )
    eventually(lambda: page("source_failures_total", "statsd") == 1)
    assert (page("duration_seconds_count"), page("duration_seconds_sum")) == (1, 0.5)
    assert page("cache_lookups_total", "hit") == 5
    assert page("cache_lookups_total", "miss") == 1
    assert page("errors_total", "KeyError") == page("errors_total", "unknown") == 1
    assert page("errors_total", "false") is None
    assert page("fallbacks_total", "unknown") == 1


def test_the_last_value_of_a_gauge_counts_whatever_its_tags(page, send, eventually):
    send(
        b"features.queue:1|g\nfeatures.queue:2|g|#a:b\nfeatures.queue,c=d:3|g|@0.5\nfeatures.hit:1|c"
    )
    eventually(lambda: page("cache_lookups_total", "hit") == 1)
    assert page("queue_depth") == 3


def test_rest_of_the_name_is_the_label_of_a_star(page, send, eventually):
    send(b"features.errors.KeyError:2|c", b"features.errors.a.b:1|c", b"features.errors.:1|c")
    eventually(lambda: page("errors_total", "a.b") == 1)
    assert page("errors_total", "KeyError") == 2


def test_what_looks_like_tags_without_being_some_stays_in_the_label(page, send, eventually):
    send(b"features.errors.a,b:1|c\nfeatures.errors.[x]:1|c\nfeatures.errors.\xff:1|c")
    eventually(lambda: page("errors_total", "a,b") == 1)
    assert page("errors_total", "[x]") == page("errors_total", "\ufffd") == 1


def test_name_of_the_map_may_hold_what_tags_begin_with(listening, eventually):
    page, send = listening({"a,b=c": {"metric": "requests_total"}})
    send(b"a,b=c:2|c\na,b=d:1|c")
    eventually(lambda: page("requests_total") == 2)


def test_errors_beyond_100_kinds_are_counted_as_other(page, send, eventually):
    send(*(b"features.errors.E%d:5|c" % n for n in range(110)))
    eventually(lambda: page("errors_total", "other") == 50)
    assert page("label_values_dropped_total", "error_type") == 50


@pytest.mark.parametrize(
    "line",
    [
        b"other.time:1|ms",
        b"other.set:u-17|s",
        b"other.text:x|c",
        b"other.level:+3|g",
        b"other.level:-3|g",
        b"other.count:-1|c",
        b"other.meter:1|m",
        b"other.rate:1|c|@7",
        b"other.nothing:",
        b"other,features.time=1:1|ms",
        b"features.timer:1|ms",
        b"features.errors:1|c",
        b"_e{5,4}:title|text|t:error|#env:prod",
        b"_sc|jmx.can_connect|0|#env:prod|m:all well",
        b"\xff\xfe:1|c",
        b"",
        b" \r",
    ],
)
def test_what_nobody_mapped_is_ignored_whatever_it_is(page, send, eventually, warnings, line):
    send(line, line + b"\n" + line, b"features.hit:1|c\r\n")
    eventually(lambda: page("cache_lookups_total", "hit") == 1)
    assert page("source_failures_total", "statsd") == 0
    assert page("requests_total") == 0
    assert warnings() == []


@pytest.mark.parametrize(
    "case",
    [
        (b"garbage", "lines are not name:value|type (b'garbage')"),
        (b":1|c", "lines are not name:value|type (b':1|c')"),
        (b"features.hit|c:1", "lines are not name:value|type (b'features.hit|c:1')"),
        (b"features.hit:|c", "features.hit has a value that is no number ('')"),
        (b"features.hit:inf|c", "features.hit has a value that is no number ('inf')"),
        (b"features.hit:1_0|c", "features.hit has a value that is no number ('1_0')"),
        (b"features.hit:--1|c", "features.hit has a value that is no number ('--1')"),
        (
            b"features.time:1e999|ms",
            "features.time must come to a number from 0 to 1e+15 ('1e999')",
        ),
        (b"features.hit:1|ms", "features.hit has a type that is no counter ('ms')"),
        (b"features.time:1|c", "features.time has a type that is no histogram ('c')"),
        (b"features.hit:1|x", "features.hit has a type that is no counter ('x')"),
        (b"features.hit:1", "features.hit has a type that is no counter ('')"),
        (b"features.hit:u1|s", "features.hit has a type that is no counter ('s')"),
        (
            b"features.queue:+1|g",
            "features.queue has a sign: changes of a gauge are not taken ('+1')",
        ),
        (
            b"features.queue:-0|g",
            "features.queue has a sign: changes of a gauge are not taken ('-0')",
        ),
        (
            b"features.hit:1|c|@0",
            "features.hit has a sample rate that is not from 0.000001 to 1 ('c|@0')",
        ),
        (
            b"features.hit:1|c|@2",
            "features.hit has a sample rate that is not from 0.000001 to 1 ('c|@2')",
        ),
        (
            b"features.hit:1|c|@",
            "features.hit has a sample rate that is not from 0.000001 to 1 ('c|@')",
        ),
    ],
)
def test_line_that_makes_no_sense_is_counted_and_the_others_taken(
    page, send, eventually, warnings, case
):
    line, problem = case
    send(line + b"\nfeatures.miss:1|c\n" + line)
    eventually(lambda: page("source_failures_total", "statsd") == 2)
    assert page("cache_lookups_total", "miss") == 1
    assert page("cache_lookups_total", "hit") == page("requests_total") == 0
    assert page("queue_depth") is None
    assert warnings() == [problem]


def test_count_may_have_a_plus(page, send, eventually):
    send(b"features.hit:+3|c")
    eventually(lambda: page("cache_lookups_total", "hit") == 3)


def test_no_kind_of_fault_hides_another_and_none_fills_the_log(page, send, eventually, warnings):
    send(
        *[b"other.users:u1|s\ngarbage\nfeatures.hit:1|g\nfeatures.hit:x|c\nfeatures.time:x|ms"] * 50
    )
    eventually(lambda: page("source_failures_total", "statsd") == 200)
    assert sorted(warnings()) == [
        "features.hit has a type that is no counter ('g')",
        "features.hit has a value that is no number ('x')",
        "features.time has a value that is no number ('x')",
        "lines are not name:value|type (b'garbage')",
    ]


def test_lines_that_are_never_the_same_are_neither_lost_nor_kept(
    page, send, eventually, monkeypatch
):
    monkeypatch.setattr(intake, "MOST_KNOWN", 50)
    for n in range(400):
        send(b"features.time,user=%d:20|ms\nfeatures.time:20|ms|#u:%d\nother.%d:1|c" % (n, n, n))
    eventually(lambda: page("duration_seconds_count") == 800)
    reader = page.exporter._readers[0][0]
    assert reader._intake._known <= 51
    assert len(reader._intake._tails) <= 52


def test_gauge_that_is_not_sent_again_disappears(listening, eventually):
    page, send = listening(stale_after_seconds=0.5)
    send(b"features.queue:7|g\nfeatures.hit:1|c")
    eventually(lambda: page("cache_lookups_total", "hit") == 1)
    eventually(lambda: page("queue_depth") is None)
    assert page("cache_lookups_total", "hit") == 1


def test_rule_with_the_whole_name_goes_before_a_star():
    whole = Rule(path="e.all", metric=names.REQUESTS)
    star = Rule(path="e.*", metric=names.ERRORS, open=True)
    book = RuleBook([star, whole])
    assert book.find("e.all") == [(whole, None)]
    assert book.find("e.x") == [(star, "x")]
    assert book.find("e") == book.find("e.") == book.find("f") == []
