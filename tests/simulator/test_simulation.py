"""What the simulator leaves out it names, and how it cuts time changes nothing."""

from pathlib import Path

import numpy as np
import pytest

from simulator import simulation
from simulator.evaluator import Clock
from simulator.rules import read_rules
from simulator.service import load_service
from simulator.simulation import Simulation
from simulator.vectors import NAME, Vector, labels_of
from simulator.world import Fault, Health, World, samples

GROUP = """
groups:
- name: a
  interval: 15s
  rules:
"""


def _rules(*entries: str):
    return read_rules([GROUP + "".join(f"  - {entry}\n" for entry in entries)])


def _recorded(*entries: str, length: int = 100) -> Vector:
    every = Simulation(_rules(*entries), {}, Clock(15.0, length)).run().series()
    return {labels: series for labels, series in every.items() if series.present.any()}


def _values(vector: Vector, name: str) -> list[float]:
    (series,) = (each for labels, each in vector.items() if dict(labels)[NAME] == name)
    return [
        value if there else None
        for value, there in zip(*map(np.ndarray.tolist, series), strict=True)
    ]


def test_what_it_does_not_know_is_left_out_and_named() -> None:
    rules = _rules(
        "{record: a, expr: 'predict_linear(x[5m], 60)'}",
        "{record: b, expr: 'quantile(0.5, x)', labels: {of: x}}",
        "{record: c, expr: 'x @ 100'}",
        "{record: d, expr: 'x + on (a) 1'}",
        "{alert: E, expr: x, labels: {level: '{{ $value }}'}}",
        "{record: f, expr: x}",
    )
    assert [rule.name for rule in rules.evaluated] == ["f"]
    assert {name: why.split(":")[0] for name, why in rules.left_out.items()} == {
        "a": "predict_linear()",
        "b of=x": "quantile",
        "c": "@ or `or` within a selector",
        "d": "the parser says",
        "E level={{ $value }}": "the template {{ $value }}",
    }


def test_no_generated_rule_is_left_out(root: Path) -> None:
    assert load_service(root, []).rules.left_out == {}


def test_a_rule_reads_what_is_recorded_before_it_now_and_what_after_it_one_evaluation_ago() -> None:
    made = _recorded(
        "{record: early, expr: clock}",
        "{record: clock, expr: vector(time())}",
        "{record: late, expr: clock}",
        length=4,
    )
    assert _values(made, "early") == [None, 0, 15, 30]
    assert _values(made, "late") == [0, 15, 30, 45]


def test_a_rule_that_reads_itself_goes_on_from_what_it_said() -> None:
    made = _recorded("{record: count, expr: count + 1 or vector(1)}", length=1000)
    assert _values(made, "count") == list(range(1, 1001))


def test_rules_that_read_each_other_go_on_from_what_they_said() -> None:
    made = _recorded(
        "{alert: A, expr: 'vector(time()) > 300 < 450 or vector(time()) > 1000', for: 45s}",
        '{record: since, expr: \'since and on () ALERTS{alertstate="firing"}'
        ' or on () time() * group(ALERTS{alertstate="firing"})\'}',
    )
    assert _values(made, "since")[20:32] == [None] * 4 + [360.0] * 6 + [None] * 2
    assert set(_values(made, "since")[70:]) == {1050.0}


@pytest.mark.parametrize("expression", ["x + on () y", "a and on () z or x + on () y"])
def test_two_series_where_one_must_be_are_an_error(expression: str) -> None:
    rules = _rules(f"{{record: a, expr: '{expression}'}}")
    two = {labels_of({NAME: "y", "n": n}): _one(3) for n in "12"}
    made = Simulation(rules, {labels_of({NAME: "x"}): _one(3), **two}, Clock(15.0, 3)).run()
    assert list(made.failed) == ["a"]


def _one(length: int):
    return simulation.Series(np.ones(length), np.ones(length, dtype=bool))


@pytest.mark.parametrize(("shortest", "longest"), [(1, 1), (7, 30)])
def test_how_time_is_cut_changes_nothing(
    shortest: int, longest: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = load_service(root, [])
    health = Health(rate=2.0, errors=0.001)
    faults = (Fault(2000, 4000, Health(rate=2.0, errors=0.5, p95=1.0)),)
    world = World(health, 6000.0, faults)

    def run() -> Vector:
        made = Simulation(service.rules, samples(world), Clock(15.0, world.length)).run().series()
        return {labels: series for labels, series in made.items() if series.present.any()}

    whole = run()
    monkeypatch.setattr(simulation, "SHORTEST", shortest)
    monkeypatch.setattr(simulation, "LONGEST", longest)
    cut = run()
    assert whole.keys() == cut.keys()
    for labels, (values, present) in whole.items():
        np.testing.assert_array_equal(cut[labels].present, present)
        np.testing.assert_array_equal(cut[labels].values[present], values[present])
