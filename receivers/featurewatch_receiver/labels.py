"""The labels of featurewatch's alerts, and what they say of an alert."""

import re
from collections.abc import Mapping
from typing import Literal, get_args

ALERTNAME = "alertname"
EXTRACTOR = "extractor"
SEVERITY = "severity"
LEVEL = "escalation_level"
#: Every alert of featurewatch has it.
POLICY = "escalation_policy"
#: From the mildest to the worst.
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
#: Of an incident: what people had been told before it began.
TOLD = "told"
#: What differs between the alerts of one identity: level, severity and policy come and go while a
#: correlated alert gains members, and so does what people had been told.
NOT_IDENTITY = frozenset({LEVEL, SEVERITY, POLICY, TOLD})

#: What each alert says of itself; the others say what it is about.
OF_ITS_OWN = frozenset({ALERTNAME, "category", "type", "auto_resolve", *NOT_IDENTITY})

Labels = Mapping[str, str]


def level_of(labels: Labels) -> int:
    """Return an alert's escalation level; 1 for an alert without one."""
    level = labels.get(LEVEL, "")
    return int(level) if re.fullmatch("[0-9]{1,3}", level) else 1


def about(labels: Labels) -> dict[str, str]:
    """What an alert is about: its extractor, and the cluster, say, where that is."""
    return {name: value for name, value in labels.items() if name not in OF_ITS_OWN}


def is_alike(incident: Labels, member: Labels) -> bool:
    """Whether both are about the same: extractor, and cluster say, if the incident has one."""
    same = about(incident).items() <= member.items()
    return same and incident.get(EXTRACTOR) == member.get(EXTRACTOR)


def identity_of(labels: Labels) -> dict[str, str]:
    """The labels that all levels and severities of an alert have in common."""
    return {name: value for name, value in labels.items() if name not in NOT_IDENTITY}
