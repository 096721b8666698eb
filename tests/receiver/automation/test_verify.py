"""Whether it helped: the alert's own values after the action, and nothing from before it."""

import re
from collections.abc import Callable, Iterator

import pytest

from receiver.flows import Flow, Platform
from receiver.payloads import Json, alert
from receiver.stand_in_prometheus import StandInPrometheus

UP = "scale_up_deployment"
MakeFlow = Callable[[], Flow]


@pytest.fixture
def verifying(make_flow: MakeFlow, prometheus: StandInPrometheus) -> Flow:
    """The target is as planned since now, and the alert's values are yet to follow."""
    flow = make_flow()
    flow.deliver(alert())
    row_id = flow.only().id
    assert flow.remediator.prepare(row_id)
    assert flow.remediator.carry_out(row_id)
    prometheus.queries.clear()
    return flow


def values(*each: float | None) -> Callable[[], list[float]]:
    """One value after the other, and the last for ever; None is no value."""
    left: Iterator[float | None] = iter([*each[:-1], *[each[-1]] * 100])

    def following() -> list[float]:
        value = next(left)
        return [] if value is None else [value]

    return following


@pytest.mark.parametrize(
    ("seen", "state", "said"),
    [
        ((0.1,), "effective", "p95_seconds 0.1 (threshold 0.15)"),
        ((0.15,), "effective", "p95_seconds 0.15 (threshold 0.15)"),
        ((0.3, 0.3, 0.1), "effective", "p95_seconds 0.1 (threshold 0.15)"),
        ((0.3,), "ineffective", "p95_seconds 0.3 (threshold 0.15)"),
        ((0.1, 0.3), "ineffective", "p95_seconds 0.3 (threshold 0.15)"),
        ((float("inf"),), "ineffective", "p95_seconds inf (threshold 0.15)"),
        ((None,), "inconclusive", "no value was measured after the action"),
        ((float("nan"),), "inconclusive", "no value was measured after the action"),
        ((0.3, None), "inconclusive", "no value was measured after the action"),
        ((*[0.3] * 12, 0.1), "inconclusive", "too late to be sure: p95_seconds 0.1"),
    ],
)
def test_the_values_afterwards_say_whether_it_helped(
    verifying: Flow,
    prometheus: StandInPrometheus,
    seen: tuple[float | None, ...],
    state: str,
    said: str,
) -> None:
    prometheus.values["p95"] = values(*seen)
    row = verifying.run(verifying.only().id)
    assert row.state == state
    assert verifying.detail(row.id).startswith(said)


def test_one_good_value_between_bad_ones_is_no_cure(
    verifying: Flow, prometheus: StandInPrometheus
) -> None:
    prometheus.values["p95"] = values(*[0.3, 0.1] * 10, 0.3)
    assert verifying.run(verifying.only().id).state == "ineffective"


def test_nothing_from_before_the_action_is_looked_at(
    verifying: Flow, prometheus: StandInPrometheus
) -> None:
    done_at = verifying.only().done_at
    assert done_at is not None
    ages: list[tuple[int, float]] = []

    def look() -> list[float]:
        window = re.search(r"\[(\d+)s\]", prometheus.queries[-1])
        assert window
        ages.append((int(window[1]), (verifying.clock.now - done_at).total_seconds()))
        return [0.3]

    prometheus.values["p95"] = look
    verifying.run(verifying.only().id)
    assert len(ages) > 5
    assert ages[0][0] == 60
    assert all(window <= since for window, since in ages)


def test_a_prometheus_that_is_away_proves_nothing(
    verifying: Flow, prometheus: StandInPrometheus
) -> None:
    prometheus.close()
    row = verifying.run(verifying.only().id)
    assert (row.state, row.values_after) == ("inconclusive", None)


def test_a_prometheus_that_is_away_for_a_while_is_waited_for(
    verifying: Flow, prometheus: StandInPrometheus
) -> None:
    prometheus.trouble = (503, b"starting")
    prometheus.values["p95"] = [0.1]
    verifying.pauses.calls = [lambda: None] * 10
    verifying.pauses.calls.append(lambda: setattr(prometheus, "trouble", None))
    assert verifying.run(verifying.only().id).state == "effective"


def test_values_before_and_after_are_kept(verifying: Flow, prometheus: StandInPrometheus) -> None:
    prometheus.values["p95"] = [0.12, 0.1]
    row = verifying.run(verifying.only().id)
    assert (row.values_before, row.values_after) == ({"p95_seconds": 0.3}, {"p95_seconds": 0.12})


def test_an_infinite_value_is_judged_and_not_kept(
    verifying: Flow, prometheus: StandInPrometheus
) -> None:
    prometheus.values["p95"] = [float("inf")]
    row = verifying.run(verifying.only().id)
    assert (row.state, row.values_after) == ("ineffective", None)


def test_a_value_that_must_not_be_low_is_bad_below_its_threshold(
    make_flow: MakeFlow, settings: Json, prometheus: StandInPrometheus
) -> None:
    check = settings["alerts"]["FeatureExtractionLatencyCritical"]["checks"]["p95_seconds"]
    check["breach"] = "below"
    prometheus.values["p95"] = [0.3, 0.1]
    flow = make_flow()
    flow.deliver(alert())
    assert flow.run(flow.only().id).state == "ineffective"


@pytest.mark.parametrize("why", ["no prometheus", "no checks", "verify is 0s"])
def test_what_cannot_be_verified_is_done_and_no_more(
    make_flow: MakeFlow, settings: Json, prometheus: StandInPrometheus, why: str
) -> None:
    del prometheus
    if why == "no prometheus":
        settings["receiver"]["prometheus_url"] = None
    elif why == "no checks":
        settings["alerts"]["FeatureExtractionLatencyCritical"]["checks"] = {}
    else:
        settings["responses"]["actions"][UP]["verify"] = "0s"
    flow = make_flow()
    flow.deliver(alert())
    assert flow.run(flow.only().id).state == "done"


def test_an_action_that_did_not_help_makes_room_for_the_next(
    make_flow: MakeFlow, settings: Json, prometheus: StandInPrometheus, platform: Platform
) -> None:
    del prometheus
    settings["alerts"]["FeatureExtractionLatencyCritical"]["responses"] = [UP, "clear_cache"]
    settings["responses"]["actions"][UP]["attempts"]["episode"] = 1
    flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert flow.became()[:2] == [(UP, "ineffective", None), ("clear_cache", "done", None)]
    assert platform.effects == ["scale 2", "clear feature_cache"]


def test_verification_that_a_crash_cut_short_goes_on_where_it_was(
    make_flow: MakeFlow, verifying: Flow, prometheus: StandInPrometheus
) -> None:
    prometheus.values["p95"] = [0.1]
    second = make_flow()
    second.clock.now = verifying.clock.now
    second.later(minutes=2)
    began = second.clock.now
    assert second.run(second.only().id).state == "effective"
    assert (second.clock.now - began).total_seconds() < 60
