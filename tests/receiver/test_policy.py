"""The decision: pure, and so tried with everything."""

from datetime import timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from featurewatch_receiver.actions import ACTIONS
from featurewatch_receiver.config import AVAILABLE, ActionName, Actions, ReceiverConfig
from featurewatch_receiver.errors import SkipReason
from featurewatch_receiver.policy import Situation, decide
from featurewatch_receiver.values import seconds
from receiver.payloads import T0

NAMES = get_args(ActionName)


@st.composite
def configs(draw: st.DrawFn) -> ReceiverConfig:
    """Any switch, mode, cooldown and list of targets."""
    actions = {}
    for name in Actions.model_fields:
        mode, minutes = draw(st.sampled_from(["auto", "off"])), draw(st.integers(0, 90))
        actions[name] = {"mode": mode, "cooldown": f"{minutes}m"}
        if name.startswith("scale"):
            actions[name]["scale_amount"] = 1
    target = {"backend": "b", "deployment": "d", "cache": "c", "model": "m"}
    target |= {"min_replicas": 1, "max_replicas": 2}
    return ReceiverConfig.model_validate(
        {
            "receiver": {
                "listen": "127.0.0.1:1",
                "url": "http://x",
                "token_file": "t",
                "database": "sqlite:///x",
                "runbook_file": "r",
                "alertmanager_url": None,
            },
            "responses": {"enabled": draw(st.booleans()), "timeout": "1s", "actions": actions},
            "targets": dict.fromkeys(draw(st.sets(st.sampled_from("ab"))), target),
            "backends": {},
            "history": {"max_days": 1},
            "alerts": {},
        }
    )


situations = st.builds(
    Situation,
    action=st.sampled_from(NAMES),
    extractor=st.none() | st.sampled_from("abc"),
    now=st.just(T0),
    resolved=st.booleans(),
    busy=st.booleans(),
    last_run=st.none() | st.integers(-10, 100).map(lambda m: T0 - timedelta(minutes=m)),
)


@given(configs(), situations)
def test_an_action_runs_exactly_when_nothing_speaks_against_it(
    config: ReceiverConfig, situation: Situation
) -> None:
    reason = decide(config, situation)
    holds: set[SkipReason] = set()
    settings = config.responses.actions.get(situation.action)
    if settings.mode == "off":
        holds.add(SkipReason.ACTION_OFF)
    rest = timedelta(seconds=seconds(settings.cooldown))
    if situation.last_run and situation.last_run + rest > situation.now:
        holds.add(SkipReason.COOLDOWN)
    if not config.responses.enabled:
        holds.add(SkipReason.RESPONSES_DISABLED)
    if situation.extractor not in config.targets:
        holds.add(SkipReason.TARGET_NOT_ALLOWED)
    if situation.resolved:
        holds.add(SkipReason.ALERT_RESOLVED)
    if situation.busy:
        holds.add(SkipReason.TARGET_BUSY)
    assert (reason is None) == (not holds)
    assert reason is None or reason in holds


def test_what_may_be_switched_on_is_what_has_code() -> None:
    assert set(ACTIONS) == AVAILABLE
