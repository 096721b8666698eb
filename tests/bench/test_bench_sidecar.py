"""The benchmark of the sidecar sends what it says, and refuses to measure what was not counted."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import sidecars
from bench.figures import BenchError
from bench.sidecars import HOST, OUR_MAP, Sidecar, send
from bench.subjects import sidecar
from featurewatch_exporter.config import StatsdSource
from featurewatch_exporter.health import Health
from featurewatch_exporter.rules import MAPPABLE, Rule
from featurewatch_exporter.statsd.intake import Intake
from featurewatch_exporter.totals import Totals


def test_every_rate_is_a_figure_and_the_goals_are_those_promised(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(*_: object) -> None:
        raise BenchError("not here")

    monkeypatch.setattr(sidecar, "LINES", 40_000)
    monkeypatch.setattr(sidecar, "ROUNDS", 1)
    monkeypatch.setattr(sidecars, "_RESTS", 15)  # on a busy machine a pause is not the end
    monkeypatch.setattr(sidecar, "start_theirs", none)
    figures = {figure.name: figure for figure in sidecar.run(root, tmp_path)}
    assert {name: str(figure.goal) for name, figure in figures.items()} == {
        "exporter.statsd.a_line_each.featurewatch": "None",
        "exporter.statsd.packets.featurewatch": "None",
        "exporter.statsd.packets_with_new_tags.featurewatch": "None",
        "exporter.json_lines": "at least 100000",
    }
    assert all(figure.value > 0 for figure in figures.values())
    assert "bench: exporter: not here; measured without it" in capsys.readouterr().err


def test_ratio_is_of_rates_and_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([2.0, 8.0, 1.0, 4.0, 3.0, 5.0])
    monkeypatch.setattr(sidecar, "_seconds", lambda *_: next(seconds))
    both = dict.fromkeys(("featurewatch", "statsd_exporter"))
    found = sidecar._rates("x", both, lambda: [b"features.time:1|ms"] * 8, 0)  # type: ignore[arg-type]
    assert [(f.name, f.value, str(f.goal)) for f in found] == [
        ("exporter.statsd.x.featurewatch", 8, "None"),
        ("exporter.statsd.x.statsd_exporter", 2, "None"),
        ("exporter.statsd.x.against_statsd_exporter", 4, "at least 1"),
    ]


def test_lines_are_those_of_a_service_and_all_of_them_make_sense() -> None:
    rules = tuple(
        Rule(
            path=path,
            metric=MAPPABLE[entry["metric"]],
            fixed=entry.get("labels", {}).get("result"),  # type: ignore[attr-defined]
            open="label" in entry,
        )
        for path, entry in OUR_MAP.items()
    )
    source = StatsdSource(
        name="s",
        extractor="a",
        rules=rules,
        stale_after=60,
        listen=(),
        receive_buffer=0,
        socket_mode=0,
    )
    totals, health = Totals("a"), Health("a", "s", 10)
    intake = Intake(source, totals, health)
    lines = list(sidecar._lines(1000))
    assert len(lines) == 1000
    intake.take(b"\n".join(lines))
    intake.flush()
    counts = {(m.name, labels): value for m, labels, value in totals.samples()}
    assert counts["feature_extraction_requests_total", ("a",)] == 400
    assert counts["feature_extraction_cache_lookups_total", ("a", "hit")] == 300
    assert [value for metric, _, value in health.samples() if metric.type == "counter"] == [0]


@pytest.mark.parametrize("size", [0, 50, 1432])
def test_packets_hold_every_line_and_are_no_longer_than_they_may(size: int) -> None:
    lines = list(sidecar._lines(200))
    packets = list(sidecar._packed(lines, size))
    assert b"\n".join(packets).split(b"\n") == lines
    assert all(len(packet) <= size or b"\n" not in packet for packet in packets)
    assert len(packets) == 200 if size == 0 else len(packets) < 200


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Sidecar]:
    """A port that nobody reads, and a page with this many durations."""
    monkeypatch.setattr(sidecars, "_COUNT_SECONDS", 0.1)
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((HOST, 0))

    def make(durations: int) -> Sidecar:
        monkeypatch.setattr(Sidecar, "durations", lambda _: durations)
        return Sidecar(0, "a page", listener.getsockname()[1])

    yield make  # type: ignore[misc]
    listener.close()


def test_datagrams_that_are_not_read_are_no_measurement(deaf: Callable[[int], Sidecar]) -> None:
    with pytest.raises(BenchError, match="nobody reads port"):
        send(deaf(0), [b"features.time:1|ms"])


def test_lines_that_are_not_counted_are_no_measurement(
    deaf: Callable[[int], Sidecar], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sidecar, "processor_seconds", lambda _: 1.0)
    monkeypatch.setattr(Sidecar, "settled", lambda _, before: before + 1)
    with pytest.raises(BenchError, match="3 of 7 durations were counted at a page"):
        sidecar._seconds(deaf(3), 4, lambda: None)


def test_process_is_measured_when_it_has_worked_and_rests_again(
    deaf: Callable[[int], Sidecar], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sidecars, "_COUNT_SECONDS", 60)
    monkeypatch.setattr(sidecars, "_LOOK_SECONDS", 0)
    looks = iter([1.0] * 20 + [2.0, 2.0, 3.0] + [4.0] * 6)
    monkeypatch.setattr(Sidecar, "processor_seconds", lambda _: next(looks))
    assert deaf(0).settled(1.0) == 4


def test_process_that_never_rests_is_no_measurement(
    deaf: Callable[[int], Sidecar], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(range(10**6))
    monkeypatch.setattr(Sidecar, "processor_seconds", lambda _: float(next(looks)))
    monkeypatch.setattr(sidecars, "_LOOK_SECONDS", 0.001)
    with pytest.raises(BenchError, match="does not come to rest"):
        deaf(0).settled(0.0)
