"""Each mechanism of the model is needed: without any one it no longer tells what was recorded."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from featurewatch_kit.alertmanager import (
    alerts,
    configuration,
    dispatcher,
    engine,
    groups,
    inhibition,
    labels,
    matchers,
    notification_log,
    routes,
    silences,
    versions,
)
from kit.alertmanager.differential import agreement, model
from kit.alertmanager.differential.record import recorded

Break = Callable[[pytest.MonkeyPatch], None]
MECHANISMS: dict[str, Break] = {}
RUNS = list(recorded())


def without(mechanism: str) -> Callable[[Break], Break]:
    """Names what the function takes out."""

    def add(take_out: Break) -> Break:
        MECHANISMS[mechanism] = take_out
        return take_out

    return add


def always(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


def flag(name: str, value: bool) -> Break:
    return lambda patch: patch.setattr(versions.Version, name, property(always(value)))


def route_with(**changes: Any) -> Break:
    """Every route is read with these changes."""

    def take_out(patch: pytest.MonkeyPatch) -> None:
        plain = routes.Route
        patch.setattr(routes, "Route", lambda **given: plain(**(given | changes)))

    return take_out


def timing_with(**changes: str) -> Break:
    def take_out(patch: pytest.MonkeyPatch) -> None:
        plain = routes.Route.wait
        patch.setattr(
            routes.Route,
            "wait",
            lambda route, key: plain(replace(route, timing=route.timing | changes), key),
        )

    return take_out


MECHANISMS |= {
    "continue": route_with(goes_on=False),
    "a route that takes an alert keeps it": route_with(goes_on=True),
    "group_by": route_with(group_by=frozenset()),
    "groups of some labels": route_with(group_by=None),
    "mute_time_intervals": route_with(mute_time_intervals=()),
    "active_time_intervals": route_with(active_time_intervals=()),
    "group_wait": timing_with(group_wait="0s"),
    "group_interval": timing_with(group_interval="1ms"),
    "repeat_interval": timing_with(repeat_interval="1000h"),
    "0.25 looks at a waiting group at once when an old alert joins": flag(
        "hurries_for_old_alerts", False
    ),
    "0.30 waits though an old alert joins": flag("hurries_for_old_alerts", True),
    "0.25 keeps empty groups": flag("keeps_empty_groups", False),
    "0.32 ends a group with its last alert": flag("keeps_empty_groups", True),
    "0.33 looks at one source alone": flag("knows_one_source", False),
    "0.35 looks at every source": flag("knows_one_source", True),
    "0.25 takes `group_by: []` for none": flag("groups_by_nothing_inherit", False),
    "0.31 takes `group_by: []` for none of the labels": flag("groups_by_nothing_inherit", True),
}


@without("routes below routes")
def _(patch: pytest.MonkeyPatch) -> None:
    plain = routes.Route.ends
    patch.setattr(
        routes.Route,
        "ends",
        lambda route, those: [route] if len(route.ancestors()) > 1 else plain(route, those),
    )


@without("what is not said is inherited")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(routes, "_group_by", lambda node, *_: frozenset(node.get("group_by") or ()))


@without("match and match_re")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(matchers, "_old", always([]))


@without("a missing label is an empty one")
def _(patch: pytest.MonkeyPatch) -> None:
    plain = matchers.Matcher.matches
    patch.setattr(
        matchers.Matcher, "matches", lambda one, those: one.label in those and plain(one, those)
    )


@without("negative matchers")
def _(patch: pytest.MonkeyPatch) -> None:
    plain = matchers.Matcher.matches
    patch.setattr(
        matchers.Matcher,
        "matches",
        lambda one, those: (
            plain(replace(one, operator=one.operator.replace("!", "=")[:2]), those)
            if one.operator == "!="
            else plain(replace(one, operator=one.operator.replace("!~", "=~")), those)
        ),
    )


@without("the first look at a group is at once if its alert is old")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dispatcher.Dispatcher, "_hurry", always(None))


@without("empty groups are swept away")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dispatcher, "SWEEP_SECONDS", math.inf)


@without("what has ended leaves the group")
def _(patch: pytest.MonkeyPatch) -> None:
    plain = groups.Pipeline.look

    def look(pipeline: groups.Pipeline, group: groups.Group, now: float) -> Any:
        before = dict(group.alerts)
        messages = plain(pipeline, group, now)
        group.alerts.update(before)
        return messages

    patch.setattr(groups.Pipeline, "look", look)


@without("the start delay")
def _(patch: pytest.MonkeyPatch) -> None:
    def start(*given: Any, **named: Any) -> engine.Alertmanager:
        return engine.Alertmanager(*given, **named | {"start_delay": 0.0})

    patch.setattr(model, "Alertmanager", start)


@without("resolve_timeout")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine, "received", lambda one, now, _: alerts.received(one, now, 1e6))


@without("endsAt")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        engine,
        "received",
        lambda one, now, timeout: alerts.received(replace(one, ends_at=None), now, timeout),
    )


@without("what overlaps is one alert")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(alerts.Alert, "overlaps", always(False))


@without("the later end counts")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(alerts.Alert, "_end", lambda old, new, now: new.ends_at)


@without("an end by timeout does not count as said")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(alerts.Alert, "_end", lambda old, new, now: max(old.ends_at, new.ends_at))


@without("inhibition")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inhibition.Inhibitor, "muting", always(None))


@without("equal")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inhibition.InhibitRule, "shared", always(()))


@without("two alerts on both sides do not mute each other")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inhibition.InhibitRule, "both", always(False))


@without("a source that has ended mutes nothing")
def _(patch: pytest.MonkeyPatch) -> None:
    plain = inhibition.AllSources.find
    patch.setattr(
        inhibition.AllSources,
        "find",
        lambda those, shared, now, *, one_sided: plain(those, shared, 0.0, one_sided=one_sided),
    )


@without("silences")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(silences.Silences, "muting", always([]))


@without("silences end")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(silences.Silence, "active", always(True))


@without("silences are ended")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(silences.Silences, "expire", always(None))


@without("the notification log")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notification_log.NotificationLog, "write", always(None))


def _reason(patch: pytest.MonkeyPatch, change: Callable[..., Any]) -> None:
    plain = notification_log.NotificationLog.reason

    def reason(log: Any, key: Any, state: Any, *rest: Any, ends: bool) -> Any:
        return change(
            lambda key=key, ends=ends: plain(log, key, state, *rest, ends=ends), key, ends
        )

    patch.setattr(notification_log.NotificationLog, "reason", reason)


@without("new alerts are told")
def _(patch: pytest.MonkeyPatch) -> None:
    _reason(patch, lambda ask, *_: None if ask() == "new alerts added" else ask())


@without("ends are told at once")
def _(patch: pytest.MonkeyPatch) -> None:
    _reason(patch, lambda ask, *_: None if ask() == "some alerts resolved" else ask())


@without("the end of all is told")
def _(patch: pytest.MonkeyPatch) -> None:
    _reason(patch, lambda ask, *_: None if ask() == "all alerts resolved" else ask())


@without("one end is no news without send_resolved")
def _(patch: pytest.MonkeyPatch) -> None:
    _reason(patch, lambda ask, *_: ask(ends=True))


@without("send_resolved")
def _(patch: pytest.MonkeyPatch) -> None:
    plain = configuration.Integration
    patch.setattr(configuration, "Integration", lambda name, _: plain(name, True))


@without("the log is told of ends that nobody hears of")
def _(patch: pytest.MonkeyPatch) -> None:
    _reason(
        patch,
        lambda ask, _, ends: None if not ends and ask() == "all alerts resolved" else ask(),
    )


@without("routes with the same matchers share the log")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        groups.Pipeline,
        "_key",
        staticmethod(lambda group, way: (str(id(group.route)), group.key, way.name)),
    )


@without("each integration has its own log")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        groups.Pipeline,
        "_key",
        staticmethod(lambda group, way: (group.key, group.route.receiver, "")),
    )


@without("a restart loses the alerts")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine.Alertmanager, "start", lambda one, at: one.reload(one._configuration, at))
    plain = engine.Alertmanager.stop

    def stop(one: Any, at: float, *, killed: bool = False) -> None:
        plain(one, at, killed=killed)
        one._running = True

    patch.setattr(engine.Alertmanager, "stop", stop)


@without("a restart keeps the log")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notification_log.NotificationLog, "start", lambda log, now: log.__init__(now))


@without("a restart keeps the silences")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(silences.Silences, "start", lambda all_, now: all_._all.clear())


@without("whoever is killed forgets what was told")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notification_log.NotificationLog, "stop", always(None))


@without("whoever is killed forgets silences")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(silences.Silences, "stop", always(None))


@without("after a reload groups begin anew")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine.Alertmanager, "reload", always(None))


@without("a reload keeps the alerts")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(alerts.Store, "known", always([]))


@without("the order of alerts in a message")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(groups, "_LISTED", lambda those: tuple(reversed(those)))


@without("alerts of one job stand together")
def _(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(labels, "_by_place", always(0))


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_without_it_something_else_is_told(monkeypatch: pytest.MonkeyPatch, mechanism: str) -> None:
    monkeypatch.setattr(model, "_read", configuration.read_configuration)
    MECHANISMS[mechanism](monkeypatch)
    assert any(agreement.compared(run, version) for version, run in RUNS)
