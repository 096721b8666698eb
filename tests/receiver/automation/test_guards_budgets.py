"""Whatever happens in whatever order: no action runs more often, or sooner, than its bounds say."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as runs
from hypothesis.stateful import run_state_machine_as_test

from featurewatch_receiver.automation import prepare, sequence
from featurewatch_receiver.config.receiver import ReceiverConfig
from receiver.budget_machine import ALERTS, ATTEMPTS, TARGETS, Machine
from receiver.flows import Flow, Platform
from receiver.payloads import T0, Json, alert, at


@pytest.fixture
def machine(settings: Json, blank_database: Path, monkeypatch: pytest.MonkeyPatch) -> type[Machine]:
    monkeypatch.setattr(prepare, "open_backend", lambda *_: Machine.current.platform)

    def monotonic() -> float:
        return (Machine.current.clock.now - T0).total_seconds()

    still = SimpleNamespace(monotonic=monotonic)
    monkeypatch.setattr("featurewatch_receiver.clock.time", still)
    for name in ("scale_up_deployment", "clear_cache", "restart_deployment"):
        settings["responses"]["actions"][name] |= {
            "mode": "approve" if name == "restart_deployment" else "auto",
            "cooldown": "10m",
            "attempts": ATTEMPTS,
        }
    settings["responses"]["storm"] = {"episodes": 8, "window": "5m"}
    settings["responses"]["actions"]["scale_up_deployment"]["lease"] = "30m"
    settings["alerts"] = {name: {"responses": list_} for name, list_ in ALERTS.items()}
    Machine.config = ReceiverConfig.model_validate(settings)
    Machine.blank = blank_database
    return Machine


def test_budgets_are_kept_whatever_happens(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=runs(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_dry_run_counts_as_a_run(make_flow: Any, settings: Json) -> None:
    settings["responses"]["dry_run"] = True
    flow: Flow = make_flow()
    flow.deliver(alert())
    flow.work()
    assert flow.became() == [("scale_up_deployment", "skipped", "dry_run")]
    assert flow.platform.effects == []
    flow.deliver(alert(end=flow.clock.now))
    flow.later(minutes=2)
    flow.deliver(alert(start=at(61)))
    assert flow.became()[1:] == [("scale_up_deployment", "skipped", "cooldown")]
    with flow.core.reader.begin() as connection:
        assert sequence.runs_since(connection, "scale_up_deployment", TARGETS[0], T0) == 1


BUDGETS = {
    "episode": {"episode": 2, "hour": 9, "day": 9},
    "hour": {"episode": 9, "hour": 2, "day": 9},
    "day": {"episode": 9, "hour": 9, "day": 2},
}


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_third_run_is_one_too_many(make_flow: Any, settings: Json, budget: str) -> None:
    settings["responses"]["actions"]["clear_cache"] |= {
        "cooldown": "10m",
        "attempts": BUDGETS[budget],
    }
    settings["alerts"]["FeatureExtractionCacheHitRateLow"]["decay"] = "0s"
    flow: Flow = make_flow()
    for _ in range(5):
        flow.deliver(alert("FeatureExtractionCacheHitRateLow"))
        flow.work()
        flow.later(minutes=11)
    assert flow.platform.effects == ["clear feature_cache"] * 2
    assert flow.became()[-1] == ("clear_cache", "skipped", f"attempts_per_{budget}")
    flow.later(minutes=6)  # the first run was an hour and a bit ago
    flow.tend()
    flow.work()
    assert len(flow.platform.effects) == (3 if budget == "hour" else 2)


@pytest.mark.parametrize(("minutes", "became"), [(59, "skipped"), (61, "planned")])
def test_an_hour_counts_from_when_the_target_was_told(
    make_flow: Any, settings: Json, platform: Platform, minutes: int, became: str
) -> None:
    """Not from the end: this run took twenty minutes."""
    settings["responses"]["timeout"] = "30m"
    settings["responses"]["actions"]["scale_up_deployment"]["attempts"] |= {"hour": 1}
    flow: Flow = make_flow()
    told = flow.clock.now
    platform.settles = False
    flow.pauses.calls = [
        lambda: flow.later(minutes=20),
        lambda: platform.become(settled=True, ready_replicas=2),
    ]
    flow.deliver(alert())
    flow.work()
    done = flow.only()
    assert (done.state, done.acted_at) == ("done", told)
    assert done.finished_at
    assert done.finished_at > told + timedelta(minutes=20)
    flow.deliver(alert(end=flow.clock.now))
    flow.clock.now = told + timedelta(minutes=minutes)
    flow.deliver(alert(start=flow.clock.now))
    reason = "attempts_per_hour" if became == "skipped" else None
    assert flow.became()[1] == ("scale_up_deployment", became, reason)
