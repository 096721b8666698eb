"""Whatever comes as statsd: many lines at once give what each of them gives alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurewatch import names
from featurewatch.distribution import Snapshot
from featurewatch_exporter.config import StatsdSource
from featurewatch_exporter.health import Health
from featurewatch_exporter.rules import Rule
from featurewatch_exporter.statsd.dialects import (
    LineError,
    Parts,
    cut,
    number,
    read_head,
    read_tail,
)
from featurewatch_exporter.statsd.intake import Intake
from featurewatch_exporter.totals import Totals

from .attempt import attempt

RULES = (
    Rule(path="t", metric=names.DURATION),
    Rule(path="t.s", metric=names.BATCH_DURATION, scale=1),
    Rule(path="e.*", metric=names.ERRORS, open=True),
    Rule(path="f", metric=names.FALLBACKS, open=True, tag="why"),
    Rule(path="c", metric=names.CACHE_LOOKUPS, fixed="hit", tags=(("env", "prod"),)),
    Rule(path="q", metric=names.QUEUE_DEPTH),
    Rule(path="u", metric=names.CPU_UTILIZATION, scale=0.01),
)
SOURCE = StatsdSource(
    name="s", extractor="a", rules=RULES, stale_after=60, listen=(), receive_buffer=0, socket_mode=0
)
NAMES = st.sampled_from(["t", "t.s", "e.K", "e.L", "e.", "f", "c", "q", "u", "x", "_e{1,1}", ""])
IN_NAME = st.sampled_from(["", ",env=prod", ";why=x;env=prod", "#flag", "[why=a:b]", ",", "["])
VALUES = st.lists(
    st.sampled_from(["1", "0", "20.5", "-3", "+4", "-0", "1e3", "1e999", "", "x", "nan", "1_0"]),
    min_size=1,
    max_size=3,
).map(":".join)
KINDS = st.sampled_from(["c", "g", "ms", "h", "d", "s", "", "c:2|c", "ms|@0.5:7|ms"])
OPTIONS = st.lists(
    st.sampled_from(["|@0.5", "|@0", "|#env:prod", "|#why:y,env:dev", "|T17", "|c:i", "\r"]),
    max_size=3,
).map("".join)
LINES = st.builds("{}{}:{}|{}{}".format, NAMES, IN_NAME, VALUES, KINDS, OPTIONS).map(str.encode)


class Taker:
    """An intake, and what came of it."""

    def __init__(self):
        self.totals = Totals("a", clock=lambda: 0.0)
        self.health = Health("a", "s", 10)
        self.intake = Intake(SOURCE, self.totals, self.health)

    def take(self, lines, *, forget=False):
        self.intake.take(lines)
        self.intake.flush()
        if forget:
            self.intake._forget()

    def told(self):
        shown = [*self.totals.samples(), *self.health.samples()]
        return {
            (metric.name, labels): _numbers(value)
            for metric, labels, value in shown
            if metric is not names.SOURCE_LAST_SAMPLE
        }


def _numbers(value):
    """Rounded: the order in which numbers are added up decides about their last digits."""
    if isinstance(value, Snapshot):
        return [f"{number:.9g}" for number in (*(count for _, count in value.buckets), value.sum)]
    return f"{value:.9g}"


@given(lines=st.lists(LINES | st.binary(max_size=20), max_size=30))
def test_lines_together_give_what_each_gives_alone(lines):
    together, alone = Taker(), Taker()
    together.take(b"\n".join(lines))
    for line in b"\n".join(lines).split(b"\n"):
        alone.take(line, forget=True)
    assert together.told() == alone.told()


@given(lines=st.lists(LINES, max_size=10))
def test_lines_that_come_again_count_again(lines):
    once, twice = Taker(), Taker()
    once.take(b"\n".join(lines + lines))
    for _ in range(2):
        twice.take(b"\n".join(lines))
    assert once.told() == twice.told()


@given(line=st.binary())
def test_any_line_has_parts_or_is_a_named_fault(line):
    parts, problem = attempt(LineError, cut, line)
    assert parts is not None or problem == "are not name:value|type"


@given(tail=st.binary())
def test_any_tail_has_a_rate_or_is_a_named_fault(tail):
    read, problem = attempt(LineError, read_tail, tail)
    if read is None:
        assert problem == "has a sample rate that is not from 0.000001 to 1"
    else:
        assert 0 < read.rate <= 1


@given(text=st.text() | st.from_regex(r"[0-9.eE+-]{1,9}", fullmatch=True))
def test_any_value_is_a_number_or_a_named_fault(text):
    value, problem = attempt(LineError, number, text)
    assert problem == "has a value that is no number" if value is None else value == float(text)


@pytest.mark.parametrize(
    ("head", "name", "tags"),
    [
        (b"a.b", "a.b", {}),
        (b"a,k=v,l=w", "a", {"k": "v", "l": "w"}),
        (b"a;k=v;l=w,x", "a", {"k": "v", "l": "w,x"}),
        (b"a#k=v,flag", "a", {"k": "v", "flag": ""}),
        (b"a[k=v,l=w:x]", "a", {"k": "v", "l": "w:x"}),
        (b"[k=v]a.b", "a.b", {"k": "v"}),
        (b"a.[k=v]b", "a.b", {"k": "v"}),
        (b"a,b", "a,b", {}),
        (b"a;b", "a;b", {}),
        (b"a[0]", "a[0]", {}),
        (b"a,k=", "a", {"k": ""}),
        (b"a,k=v=w", "a", {"k": "v=w"}),
    ],
)
def test_tags_of_a_name_are_told_from_the_name(head, name, tags):
    assert read_head(head) == (name, tags)


@pytest.mark.parametrize(
    ("tail", "kind", "rate", "tags"),
    [
        (b"c", "c", 1, {}),
        (b"ms|@0.1|#k:v:w,flag", "ms", 0.1, {"k": "v:w", "flag": ""}),
        (b"d|#k:v|@0.1|c:container|T1656581400", "d", 0.1, {"k": "v"}),
        (b"h|c:id|e:it-false,cn-x|card:none", "h", 1, {}),
        (b"g|#", "g", 1, {}),
    ],
)
def test_rest_of_a_line_is_type_rate_and_tags(tail, kind, rate, tags):
    assert read_tail(tail) == (kind, rate, tags)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (b"a:1|c", [(b"a", b"1", b"c")]),
        (b" a:1:2|c|c:x:y \r", [(b"a", b"1:2", b"c|c:x:y")]),
        (
            b"a:1|c:2|c|@0.1:3|ms",
            [(b"a", b"1", b"c"), (b"a", b"2", b"c|@0.1"), (b"a", b"3", b"ms")],
        ),
        (b"a[u=http://b]c:1|c", [(b"a[u=http://b]c", b"1", b"c")]),
        (b"a[b:1|c", [(b"a[b", b"1", b"c")]),
        (b"_sc|a|0", []),
        (b"_e{1,1}:a|b", []),
    ],
)
def test_line_is_cut_into_name_values_and_rest(line, parts):
    assert cut(line) == [Parts(*each) for each in parts]


@given(name=st.from_regex(r"[a-z.]{1,20}", fullmatch=True), value=st.integers(0, 10**12))
def test_what_a_client_writes_is_read_back(name, value):
    [parts] = cut(f"{name}:{value}|c|@0.5|#a:b".encode())
    assert read_head(parts.head) == (name, {})
    assert number(parts.values.decode()) == value
    assert read_tail(parts.tail) == ("c", 0.5, {"a": "b"})
