"""What people read."""

import json
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, or_

from featurewatch_receiver.automation import switches
from featurewatch_receiver.errors import MissingError
from featurewatch_receiver.records.history import (
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
from featurewatch_receiver.records.statuses import status_column
from featurewatch_receiver.store.schema import audit, episodes, leases, notifications, remediations
from featurewatch_receiver.web.calls import Asked
from featurewatch_receiver.web.questions import EpisodeFilter, Listed

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
