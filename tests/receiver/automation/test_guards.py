"""The guards: one case for each, who may overrule it, and which of several speaks."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import featurewatch_receiver
from featurewatch_receiver.automation.guards import GUARDS, OVERRULED, PASSING, Situation, decide
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.states import Origin, SkipReason
from receiver.payloads import T0, Json

NOW = T0
ACTION = "clear_cache"
PACKAGE = Path(featurewatch_receiver.__file__).parent
WINDOW = {"name": "move", "from": "2026-01-02T02:00:00Z", "to": "2026-01-02T04:00:00Z"}

Change = Callable[[Json], object]


def nothing(_: Json) -> None:
    """The settings stay."""


def responses(**values: Any) -> Change:
    return lambda settings: settings["responses"].update(values)


def action(**values: Any) -> Change:
    return lambda settings: settings["responses"]["actions"][ACTION].update(values)


def situation(origin: Origin = Origin.ALERT, **values: Any) -> Situation:
    known = {"action": ACTION, "extractor": "feature_extractor", "now": NOW}
    return Situation(**known | values, origin=origin)


def decided(settings: Json, **values: Any) -> SkipReason | None:
    return decide(ReceiverConfig.model_validate(settings), situation(**values))


# A change of the settings, what is known, and who is held back all the same.
ALERT, PERSON, LEASE = Origin.ALERT, Origin.PERSON, Origin.LEASE
EVERYBODY = {ALERT, PERSON, LEASE}
CASES: dict[SkipReason, tuple[Change, Json, set[Origin]]] = {
    SkipReason.RESPONSES_DISABLED: (responses(enabled=False), {}, EVERYBODY),
    SkipReason.ACTION_OFF: (action(mode="off"), {}, {ALERT, PERSON}),
    SkipReason.TARGET_NOT_ALLOWED: (nothing, {"extractor": "stranger"}, EVERYBODY),
    SkipReason.ALERT_RESOLVED: (nothing, {"resolved": True}, {ALERT}),
    SkipReason.ATTEMPTS_PER_EPISODE: (nothing, {"runs_of_episode": 3}, {ALERT}),
    SkipReason.KILL_SWITCH: (nothing, {"kill_switch": True}, EVERYBODY),
    SkipReason.MAINTENANCE: (lambda s: s.update(maintenance=[WINDOW]), {}, {ALERT, LEASE}),
    SkipReason.STORM: (nothing, {"episodes_begun": 100}, {ALERT, LEASE}),
    SkipReason.TARGET_BUSY: (nothing, {"busy": True}, EVERYBODY),
    SkipReason.COOLDOWN: (nothing, {"last_run": NOW - timedelta(minutes=9.99)}, {ALERT, LEASE}),
    SkipReason.ATTEMPTS_PER_HOUR: (nothing, {"runs_of_hour": 10}, {ALERT}),
    SkipReason.ATTEMPTS_PER_DAY: (nothing, {"runs_of_day": 20}, {ALERT}),
}


@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("reason", CASES)
def test_each_guard_holds_back_whom_it_should(
    settings: Json, reason: SkipReason, origin: Origin
) -> None:
    change, known, held_back = CASES[reason]
    change(settings)
    expected = reason if origin in held_back else None
    assert decided(settings, origin=origin, **known) == expected


def test_there_is_a_case_for_every_guard() -> None:
    assert [reason for reason, _ in GUARDS] == list(CASES)


@pytest.mark.parametrize("origin", Origin)
def test_nothing_holds_back_what_is_within_every_bound(settings: Json, origin: Origin) -> None:
    just_within = {
        "runs_of_episode": 2,
        "runs_of_hour": 9,
        "runs_of_day": 19,
        "episodes_begun": 99,
        "last_run": NOW - timedelta(minutes=10),
    }
    settings["maintenance"] = [
        WINDOW | {"to": "2026-01-02T03:00:00Z"},
        WINDOW | {"extractors": ["other_extractor"]},
    ]
    assert decided(settings, origin=origin, **just_within) is None


@pytest.mark.parametrize("number", range(len(CASES)))
def test_the_first_guard_in_order_names_the_reason(settings: Json, number: int) -> None:
    known: Json = {}
    for change, more, _ in list(CASES.values())[number:]:
        change(settings)
        known |= more
    assert decided(settings, **known) == list(CASES)[number]


def test_a_maintenance_without_extractors_holds_for_all_and_only_while_it_lasts(
    settings: Json,
) -> None:
    settings["maintenance"] = [WINDOW]
    ends = datetime(2026, 1, 2, 4, 0, tzinfo=UTC)
    last = ends - timedelta(microseconds=1)
    assert decided(settings, now=last, extractor="other_extractor") == SkipReason.MAINTENANCE
    assert decided(settings, now=ends) is None


def test_every_reason_is_given_by_some_part_of_the_receiver() -> None:
    # These only tell reasons apart.
    passive = ("states.py", "guards.py", "planner.py", "sequence.py")
    files = [file for file in PACKAGE.rglob("*.py") if file.name not in passive]
    text = "".join(file.read_text() for file in files)
    given = {SkipReason[name] for name in re.findall(r"SkipReason\.([A-Z_]+)", text)}
    assert given | {reason for reason, _ in GUARDS} == set(SkipReason)


def test_every_reason_is_explained_in_the_documents(root: Path) -> None:
    rows = (root / "docs/automation.md").read_text().splitlines()
    explained = {found[1] for row in rows if (found := re.match(r"\| `([a-z_]+)`", row))}
    assert set(SkipReason) - explained == set()


def test_what_a_person_may_overrule_is_never_what_protects_the_target() -> None:
    never = {
        SkipReason.RESPONSES_DISABLED,
        SkipReason.ACTION_OFF,
        SkipReason.TARGET_NOT_ALLOWED,
        SkipReason.KILL_SWITCH,
        SkipReason.DRY_RUN,
        SkipReason.TARGET_BUSY,
        SkipReason.AT_BOUND,
        SkipReason.ROLLOUT_UNDER_WAY,
    }
    assert OVERRULED[Origin.PERSON] & never == set()
    assert OVERRULED[Origin.ALERT] == set()
    assert SkipReason.KILL_SWITCH not in OVERRULED[Origin.LEASE]
    assert {SkipReason.ACTION_OFF, SkipReason.TARGET_NOT_ALLOWED} & PASSING == set()
