"""What people read about the automation itself: how things stand, and what may run."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from featurewatch_receiver.automation import ledger
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.policy import Situation, decide
from featurewatch_receiver.automation.remediations import Origin, State
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.errors import MissingError, SkipReason
from featurewatch_receiver.records.history import is_open
from featurewatch_receiver.records.statuses import status_column
from featurewatch_receiver.records.summary import summary
from featurewatch_receiver.store.schema import episodes, leases, remediations
from featurewatch_receiver.web.calls import Asked

Json = dict[str, Any]


def get_guards(asked: Asked) -> Json:
    """What may run at all."""
    config, now = asked.core.config, asked.core.now()
    responses = config.responses
    with asked.core.reader.begin() as connection:
        begun = ledger.episodes_begun(connection, config, now)
        engaged = ledger.is_engaged(connection)
    return {
        "enabled": responses.enabled,
        "dry_run": responses.dry_run,
        "kill_switch": engaged,
        "storm": {**responses.storm.model_dump(), "begun": begun},
        "maintenance": [w.name for w in config.maintenance if w.from_ <= now < w.to],
        "actions": {name: responses.actions.get(name) for name in responses.actions.names()},
        "responses": {name: alert.responses for name, alert in config.alerts.items()},
        "targets": config.targets,
    }


def get_guards_of_target(asked: Asked) -> Json:
    """What may run for one extractor, and what holds it back."""
    config, extractor = asked.core.config, asked.path["extractor"]
    if extractor not in config.targets:
        raise MissingError("extractor: is none of targets; see /api/v1/guards")
    with asked.core.reader.begin() as connection:
        planner = Planner(asked.core, connection, asked.queue)
        situations = [
            planner.situation(name, extractor) for name in config.responses.actions.names()
        ]
    return {
        "extractor": extractor,
        "bounds": config.targets[extractor],
        "actions": {found.action: _guard(config, found) for found in situations},
    }


def get_summary(asked: Asked) -> Json:
    """How things stand, and what the last hours were like."""
    now, hours = asked.core.now(), asked.query.hours
    since = now - timedelta(hours=hours)
    waits = remediations.c.state == State.AWAITING_APPROVAL
    with asked.core.reader.begin() as connection:
        by_severity = _counts(connection, episodes.c.severity, is_open)
        stand = {
            "at": now,
            "open": sum(by_severity.values()),
            "open_by_severity": by_severity,
            "open_by_status": _counts(connection, status_column, is_open),
            "awaiting_approval": _count(connection, waits),
            "open_leases": _count(connection, leases.c.ended_at.is_(None)),
            "kill_switch": ledger.is_engaged(connection),
            "remediations": _counts(
                connection, remediations.c.state, remediations.c.created_at >= since
            ),
        }
    return stand | summary(asked.core, hours)


def _guard(config: ReceiverConfig, situation: Situation) -> Json:
    # Attempts of an episode are nobody's here: it is about the next one.
    anyone = replace(situation, runs_of_episode=0)
    settings = config.responses.actions.get(situation.action)
    blocked: SkipReason | None = decide(config, anyone)
    return settings.model_dump() | {
        "blocked_by": blocked,
        "blocked_by_for_person": decide(config, replace(anyone, origin=Origin.PERSON)),
        "last_run": situation.last_run,
        "runs_of_hour": situation.runs_of_hour,
        "runs_of_day": situation.runs_of_day,
    }


def _counts(connection: Connection, column: Any, where: Any) -> dict[str, int]:
    query = select(column, func.count()).where(where).group_by(column)
    return {name or "none": count for name, count in connection.execute(query)}


def _count(connection: Connection, where: Any) -> int:
    return int(connection.scalar(select(func.count()).where(where)) or 0)
