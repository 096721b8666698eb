"""Incidents and their members: no level of a member is told through an incident.

An incident takes any policy of its members, and that may have fewer levels than another's. Whoever
acknowledges its last level has acknowledged everything.
"""

from collections.abc import Iterator

from featurewatch_kit.checks.finding import Finding, listed
from featurewatch_kit.checks.inhibition import agree, inhibit_rules
from featurewatch_kit.checks.tree import CORRELATION, Alert, Instance, Tree
from featurewatch_kit.generate import ALERTMANAGER
from featurewatch_receiver.labels import LEVEL, POLICY, SEVERITIES, SEVERITY, TOLD

Pair = tuple[Instance, Instance]


def check_incidents(tree: Tree) -> Iterator[Finding]:
    """Findings about the last level of each form of each incident."""
    rules = inhibit_rules(tree)
    pairs = [pair for rule in rules for pair in rule.pairs() if _correlates(pair[0])]
    # What a member had told before the incident began, that speaks on for.
    incidents = [one for one in tree.instances if _correlates(one) and TOLD not in one.labels]
    for incident in _last(incidents):
        told = [str(one.alert) for one in _told_through(incident, tree.instances, pairs)]
        if told:
            yield Finding(
                ALERTMANAGER,
                f"inhibit_rules: {incident.alert} is the last of its incident and does not mute"
                f" {listed(told)}, which tells people through it, acknowledged or not; let it mute"
                " every level of its members",
            )


def _told_through(
    incident: Instance, instances: list[Instance], pairs: list[Pair]
) -> Iterator[Instance]:
    name = incident.alert.name
    muted = {id(target) for source, target in pairs if source is incident}
    members = {b.alert.name for a, b in pairs if a.alert.name == name and not _correlates(b)}
    stricter = {a.labels.get(POLICY) for a, b in pairs if b is incident}
    stricter -= {incident.labels.get(POLICY)}
    for one in instances:
        # A worse or stricter member takes the incident into another form.
        stays = _rank(one) <= _rank(incident) and one.labels.get(POLICY) not in stricter
        if one.alert.name in members and id(one) not in muted and stays and _alike(incident, one):
            yield one


def _last(incidents: list[Instance]) -> list[Instance]:
    """Of each form of an incident those of its highest level."""
    highest: dict[tuple[str | None, ...], int] = {}
    for one in incidents:
        highest[_form(one.alert)] = max(_level(one), highest.get(_form(one.alert), 0))
    return [one for one in incidents if _level(one) == highest[_form(one.alert)]]


def _form(alert: Alert) -> tuple[str | None, ...]:
    return (alert.name, alert.labels.get(SEVERITY), alert.labels.get(POLICY))


def _level(one: Instance) -> int:
    return int(one.labels.get(LEVEL, 1))


def _rank(one: Instance) -> int:
    severity = one.labels.get(SEVERITY)
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _correlates(one: Instance) -> bool:
    return one.labels.get("category") == CORRELATION


def _alike(one: Instance, other: Instance) -> bool:
    """Whether both are of the same extractor, and instance say, as far as both have one."""
    common = set(one.alert.dynamic) & set(other.alert.dynamic)
    return agree(common, one.labels, other.labels)
