"""Durations mean the same to the loader and to the jsonnet sources."""

import json

import pytest
import rjsonnet

from featurewatch_receiver.config.values import seconds

SECONDS = {
    "0s": 0,
    "15s": 15,
    "90s": 90,
    "1m": 60,
    "5m": 300,
    "1m30s": 90,
    "90m": 5400,
    "1h30m": 5400,
    "24h": 86400,
    "1d": 86400,
    "1d1h1m1s": 90061,
    "007s": 7,
}
NO_DURATIONS = [
    "",
    "5",
    "m",
    "1.5h",
    "-5m",
    "+5m",
    " 5m",
    "5m ",
    "5 m",
    "5m\n",
    "500ms",
    "1w",
    "5M",
]


@pytest.fixture(scope="module")
def jsonnet(root):
    """Evaluate an expression about lib/duration.libsonnet, which is called d in it."""

    def evaluate(expression):
        source = f"local d = import 'lib/duration.libsonnet'; {expression}"
        return json.loads(rjsonnet.evaluate_snippet("test", source, jpathdir=[str(root)]))

    return evaluate


@pytest.mark.parametrize(("duration", "expected"), SECONDS.items())
def test_a_duration_has_its_seconds(duration, expected, jsonnet):
    assert seconds(duration) == expected
    assert jsonnet(f"d.seconds('{duration}')") == expected


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_anything_else_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a duration"):
        seconds(text)


@pytest.mark.parametrize("text", ["1m1h", "1m1m"])
def test_units_go_from_large_to_small_and_once_each(text):
    with pytest.raises(ValueError, match="is not a duration"):
        seconds(text)


def test_digits_are_those_that_prometheus_reads():
    with pytest.raises(ValueError, match="is not a duration"):
        seconds("\u0665m")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0s"),
        (1, "1s"),
        (90, "90s"),
        (300, "5m"),
        (900, "15m"),
        (3600, "1h"),
        (5400, "90m"),
        (86400, "1d"),
        (90000, "25h"),
    ],
)
def test_seconds_are_written_in_the_longest_unit_that_divides_them(count, text, jsonnet):
    assert jsonnet(f"d.format({count})") == text
    assert seconds(text) == count


@pytest.mark.parametrize(
    ("durations", "total"),
    [
        ([], "0s"),
        (["0s"], "0s"),
        (["0s", "5m", "10m"], "15m"),
        (["1h30m", "30m"], "2h"),
        (["45s", "30s"], "75s"),
    ],
)
def test_durations_add_up(durations, total, jsonnet):
    assert jsonnet(f"d.sum({json.dumps(durations)})") == total
