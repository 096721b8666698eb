"""What people read."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, func, or_, select

from featurewatch_receiver.automation import sequence
from featurewatch_receiver.automation.guards import Situation, decide
from featurewatch_receiver.automation.planner import Planner
from featurewatch_receiver.automation.sequence import is_engaged
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.errors import MissingError
from featurewatch_receiver.history.queries import (
    Part,
    find_by_fingerprint,
    find_episode,
    find_remediation,
    fires,
    is_open,
    list_deeds,
    list_episodes,
    list_leases,
    list_notifications,
    list_remediations,
)
from featurewatch_receiver.history.statuses import status_column
from featurewatch_receiver.history.summary import summary
from featurewatch_receiver.states import Origin, SkipReason, State
from featurewatch_receiver.store import switches
from featurewatch_receiver.store.schema import audit, episodes, leases, notifications, remediations
from featurewatch_receiver.web.calls import Asked
from featurewatch_receiver.web.parameters import EpisodeFilter, Listed

Json = dict[str, Any]
Condition = ColumnElement[bool]


def get_me(asked: Asked) -> Any:
    """Who asks."""
    return asked.person


def get_alerts(asked: Asked) -> Json:
    """What fires."""
    where = [is_open, fires, *chosen(asked.query)]
    found = list_episodes(asked.core, _part(asked.query, where, hours=None))
    return {"alerts": found.rows, "next": found.next}


def get_alert(asked: Asked) -> Json:
    """The newest episode of a fingerprint."""
    episode_id = find_by_fingerprint(asked.core, asked.path["fingerprint"])
    if episode_id is None:
        raise MissingError("fingerprint: no alert has it; see /api/v1/alerts")
    return _episode(asked, episode_id)


def get_episodes(asked: Asked) -> Json:
    """History of alerts."""
    found = list_episodes(asked.core, _part(asked.query, chosen(asked.query), asked.query.hours))
    return {"episodes": found.rows, "next": found.next}


def get_episode(asked: Asked) -> Json:
    """One episode."""
    return _episode(asked, asked.path["episode_id"])


def get_remediations(asked: Asked) -> Json:
    """History of actions."""
    query, columns = asked.query, remediations.c
    where = [
        *_among(columns.state, query.state),
        *_among(columns.action, query.action),
        *_among(columns.target, query.target),
        *_among(columns.origin, query.origin),
        *_is(columns.episode_id, query.episode),
    ]
    found = list_remediations(asked.core, _part(query, where, query.hours))
    return {"remediations": found.rows, "next": found.next}


def get_remediation(asked: Asked) -> Json:
    """One remediation."""
    return remediation(asked, asked.path["remediation_id"])


def get_notifications(asked: Asked) -> Json:
    """Whom Alertmanager told."""
    query, columns = asked.query, notifications.c
    where = [
        *_among(columns.receiver, query.receiver),
        *_among(columns.status, query.status),
        *_is(columns.episode_id, query.episode),
    ]
    found = list_notifications(asked.core, _part(query, where, query.hours))
    return {"notifications": found.rows, "next": found.next}


def get_audit(asked: Asked) -> Json:
    """What people did."""
    query, columns = asked.query, audit.c
    where = [
        *_among(columns.actor, query.actor),
        *_among(columns.act, query.act),
        *_is(columns.subject, query.subject),
    ]
    found = list_deeds(asked.core, _part(query, where, query.hours))
    return {"deeds": found.rows, "next": found.next}


def get_leases(asked: Asked) -> Json:
    """Leases."""
    query, columns = asked.query, leases.c
    where = [*_among(columns.target, query.target)]
    if query.open is not None:
        where.append(columns.ended_at.is_(None) if query.open else columns.ended_at.is_not(None))
    found = list_leases(asked.core, _part(query, where, query.hours))
    return {"leases": found.rows, "next": found.next}


def get_kill_switch(asked: Asked) -> switches.Switch:
    """How the kill switch stands."""
    with asked.core.reader.begin() as connection:
        return switches.read(connection)


def remediation(asked: Asked, row_id: str) -> Json:
    """One remediation with its steps.

    Raises:
        MissingError: there is none.

    """
    found = find_remediation(asked.core, row_id)
    if found is None:
        raise MissingError("remediation: there is none with this id; see /api/v1/remediations")
    return found


def _episode(asked: Asked, episode_id: str) -> Json:
    found = find_episode(asked.core, episode_id)
    if found is None:
        raise MissingError("episode: there is none with this id; see /api/v1/episodes")
    return found


def _part(query: Listed, where: list[Condition], hours: int | None) -> Part:
    return Part(where=where, hours=hours, limit=query.limit, cursor=query.cursor)


def chosen(query: EpisodeFilter) -> list[Condition]:
    """The conditions of a filter."""
    return [
        *_among(status_column, query.status),
        *_among(episodes.c.severity, query.severity),
        *_among(episodes.c.extractor, query.extractor),
        *_among(episodes.c.alertname, query.alertname),
        *_found(query.search),
    ]


def _among(column: Any, words: list[Any]) -> list[Condition]:
    return [column.in_(words)] if words else []


def _is(column: Any, word: Any) -> list[Condition]:
    return [] if word is None else [column == word]


def _found(text: str | None) -> list[Condition]:
    """Rows that hold the text somewhere; labels and annotations are stored as JSON."""
    if not text:
        return []
    plain = [episodes.c.alertname, episodes.c.extractor]
    written = [cast(episodes.c.labels, Text), cast(episodes.c.annotations, Text)]
    places = [column.icontains(text, autoescape=True) for column in plain]
    as_json = json.dumps(text)[1:-1]
    return [or_(*places, *(column.icontains(as_json, autoescape=True) for column in written))]


def get_guards(asked: Asked) -> Json:
    """What may run at all."""
    config, now = asked.core.config, asked.core.now()
    responses = config.responses
    with asked.core.reader.begin() as connection:
        begun = sequence.episodes_begun(connection, config, now)
        engaged = is_engaged(connection)
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
            "kill_switch": is_engaged(connection),
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
