"""What each page shows. A page asks as the API does, so both show the same."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from typing import Any

from sqlalchemy import func, select

from featurewatch_receiver import runbook
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.console import links, muting, overview, page_parameters
from featurewatch_receiver.console.automation import automation
from featurewatch_receiver.console.chart import draw, expressions
from featurewatch_receiver.console.markdown import as_html
from featurewatch_receiver.console.timeline import timeline
from featurewatch_receiver.errors import MissingError
from featurewatch_receiver.history.queries import (
    Part,
    list_deeds,
    list_leases,
    list_notifications,
    list_remediations,
    list_worst,
)
from featurewatch_receiver.history.recipients import reach_of_level
from featurewatch_receiver.states import FAILURES, State
from featurewatch_receiver.store import switches
from featurewatch_receiver.store.schema import episodes, leases, remediations
from featurewatch_receiver.web import reads
from featurewatch_receiver.web.calls import Asked
from featurewatch_receiver.web.parameters import Query

Json = dict[str, Any]
#: Nobody reads more alerts than that; the worst ones come first.
MOST_LINES = 200
_MOST_WAITING, _MOST_TOLD, _MOST_BESIDE = 50, 20, 100


@dataclass(frozen=True, kw_only=True)
class ConsolePage:
    """One page: its address in the words of Flask, and what its template is given."""

    path: str
    name: str
    title: str
    look: Callable[[Asked], Json]
    query: type[Query] = page_parameters.DoneParameters


class Elsewhere(Exception):  # noqa: N818  # no error: the page is at another address
    """What was asked for is shown by another page."""

    def __init__(self, page: str, **values: Any):
        super().__init__(page)
        self.page = page
        self.values = values


def show_overview(asked: Asked) -> Json:
    """What fires, what waits for people, and what was told."""
    core, where = asked.core, reads.chosen(asked.query)
    mute_time = _mute_time(asked)
    if asked.query.inhibited:
        where = [*where, episodes.c.inhibited_at.is_not(None)]
    rows = list_worst(core, where, MOST_LINES)
    waits = [remediations.c.state == State.AWAITING_APPROVAL]
    with core.reader.begin() as connection:
        counts = overview.counts(connection, mute_time)
        chosen = overview.count(connection, where) if where else counts.total
    told = list_notifications(core, Part(where=[], hours=24, limit=_MOST_TOLD)).rows
    return {
        "counts": counts,
        "groups": overview.groups(core.config, rows, mute_time),
        "shown": len(rows),
        "chosen": chosen,
        "filtered": bool(where),
        "waiting": list_remediations(core, Part(where=waits, hours=None, limit=_MOST_WAITING)).rows,
        "leases": list_leases(core, _open_leases()).rows,
        "told": told,
        "names": _named(asked, {row["episode_id"] for row in told}),
    }


def find_alert(asked: Asked) -> Json:
    """Lead to the alert that a message names: the open one, else the last."""
    name, extractor = asked.query.alertname, asked.query.extractor
    where = [episodes.c.alertname == name]
    where += [episodes.c.extractor == extractor] if extractor else []
    still = [row["id"] for row in list_worst(asked.core, where, 2)]
    if len(still) > 1:
        raise Elsewhere("overview", alertname=name, extractor=extractor)
    newest = select(episodes.c.id).where(*where).order_by(episodes.c.started_at.desc()).limit(1)
    with asked.core.reader.begin() as connection:
        found = still[0] if still else connection.scalar(newest)
    if found is None:
        raise MissingError("alert: none of this name and extractor is in the history")
    raise Elsewhere("details", episode_id=found)


def show_details(asked: Asked) -> Json:
    """Everything about one alert."""
    config, episode = asked.core.config, reads.get_episode(asked)
    text = runbook.path(config.receiver.runbook_file).read_text(encoding="utf-8")
    drawn, problem = draw(asked.core, episode)
    return {
        "episode": episode,
        "line": overview.Line(episode=episode, mute_time=_mute_time(asked)(episode["severity"])),
        "events": timeline(config, episode),
        "charts": drawn,
        "chart_problem": problem,
        "runbook": as_html(runbook.section(text, episode["alertname"])),
        "automation": automation(config, episode["alertname"], episode["extractor"]),
        "links": links.links(config, episode),
        "expressions": expressions(config, episode),
        "actions": config.responses.actions.names()
        if episode["extractor"] in config.targets
        else [],
    }


def show_history(asked: Asked) -> Json:
    """Episodes, newest first."""
    found = reads.get_episodes(asked)
    return {"episodes": found["episodes"], "next": found["next"]}


def show_remediations(asked: Asked) -> Json:
    """Remediations, newest first, and what each action has achieved."""
    found = reads.get_remediations(asked)
    return {
        "remediations": found["remediations"],
        "names": _named(asked, {row["episode_id"] for row in found["remediations"]}),
        "next": found["next"],
        "effects": _effects(asked),
        "states": list(State),
        "actions": asked.core.config.responses.actions.names(),
    }


def show_remediation(asked: Asked) -> Json:
    """One remediation with its steps."""
    found = reads.get_remediation(asked)
    names = sorted((found["values_before"] or {}).keys() | (found["values_after"] or {}).keys())
    return {"row": found, "value_names": names}


def show_controls(asked: Asked) -> Json:
    """Leases, switches, what may run, and what people did."""
    core, hours = asked.core, asked.query.hours
    targets = {
        name: reads.get_guards_of_target(replace(asked, path={"extractor": name}))
        for name in core.config.targets
    }
    deeds = list_deeds(core, Part(where=[], hours=hours, limit=_MOST_BESIDE)).rows
    return {
        "guards": reads.get_guards(asked),
        "targets": targets,
        "leases": list_leases(core, _open_leases()).rows,
        "ended": list_leases(core, _open_leases(ended_within=hours)).rows,
        "deeds": deeds,
        "names": _named(asked, {row["subject"] for row in deeds}),
    }


def show_around(asked: Asked) -> Json:
    """What every page shows: who looks, which servers are away, and what is switched off."""
    core = asked.core
    with core.reader.begin() as connection:
        switch = switches.read(connection)
        away = links.away(core, connection)
    config, now = core.config, core.now()
    return {
        "person": asked.person,
        "now": now,
        "kill_switch": switch,
        "away": away,
        "responses": config.responses,
        "maintenance": [w for w in config.maintenance if w.from_ <= now < w.to],
        "levels_of": lambda name: len(config.alerts[name].levels) if name in config.alerts else 0,
        "reach_of": partial(reach_of_level, config),
        "inhibitors": partial(muting.inhibitors, config),
        "mute_time": _mute_time(asked),
        "hold": timedelta(seconds=seconds(config.responses.hold)),
        "approval_timeout": timedelta(seconds=seconds(config.responses.approval_timeout)),
        "has_alertmanager": config.receiver.alertmanager_url is not None,
    }


def _mute_time(asked: Asked) -> overview.MuteTimes:
    now = asked.core.now()
    return cache(lambda severity: muting.mute_time(asked.core.config, severity, now))


def _named(asked: Asked, ids: set[str]) -> dict[str, Json]:
    """What the episodes of these ids are about."""
    columns = (
        episodes.c.alertname,
        episodes.c.extractor,
        episodes.c.severity,
        episodes.c.annotations,
    )
    query = select(episodes.c.id, *columns).where(episodes.c.id.in_(ids))
    with asked.core.reader.begin() as connection:
        return {row.id: dict(row._mapping) for row in connection.execute(query)}


def _open_leases(ended_within: int | None = None) -> Part:
    column = leases.c.ended_at
    where = [column.is_(None) if ended_within is None else column.is_not(None)]
    return Part(where=where, hours=ended_within, limit=_MOST_BESIDE)


def _effects(asked: Asked) -> dict[str, Json]:
    """Of each action, how many ended how within the hours."""
    since = asked.core.now() - timedelta(hours=asked.query.hours)
    columns = remediations.c.action, remediations.c.state
    query = select(*columns, func.count()).where(remediations.c.created_at >= since)
    found: dict[str, Counter[str]] = {}
    with asked.core.reader.begin() as connection:
        for action, state, number in connection.execute(query.group_by(*columns)):
            found.setdefault(action, Counter())[state] = number
    return {
        action: {
            "effective": states[State.EFFECTIVE],
            "ineffective": states[State.INEFFECTIVE],
            "inconclusive": states[State.INCONCLUSIVE],
            "done": states[State.DONE],
            "failed": sum(states[state] for state in FAILURES),
            "skipped": states[State.SKIPPED],
        }
        for action, states in sorted(found.items())
    }


PAGES: tuple[ConsolePage, ...] = (
    ConsolePage(
        path="/",
        name="overview",
        title="Overview",
        look=show_overview,
        query=page_parameters.Overview,
    ),
    ConsolePage(
        path="/alerts", name="alerts", title="Alert", look=find_alert, query=page_parameters.Named
    ),
    ConsolePage(path="/episodes/<episode_id>", name="details", title="Alert", look=show_details),
    ConsolePage(
        path="/history",
        name="history",
        title="History",
        look=show_history,
        query=page_parameters.HistoryParameters,
    ),
    ConsolePage(
        path="/remediations",
        name="remediations",
        title="Remediations",
        look=show_remediations,
        query=page_parameters.RemediationsParameters,
    ),
    ConsolePage(
        path="/remediations/<path:remediation_id>",
        name="remediation",
        title="Remediation",
        look=show_remediation,
    ),
    ConsolePage(
        path="/controls",
        name="controls",
        title="Controls",
        look=show_controls,
        query=page_parameters.Hours,
    ),
)
