"""Many cases in one Alertmanager: each has a part of the routing tree for itself."""

import copy
from dataclasses import dataclass, field
from typing import Any

import yaml

from kit.alertmanager.differential import cases
from kit.alertmanager.differential.cases import Case

_TIMINGS = ("group_wait", "group_interval", "repeat_interval")
LABEL = "case"


@dataclass
class Happened:
    """One event as it happened, at a real time."""

    at: float
    case: int = -1
    #: Labels, and real times or None.
    post: list[dict[str, Any]] = field(default_factory=list)
    silence: dict[str, Any] | None = None
    unsilence: int | None = None
    #: restart, kill, start or reload.
    process: str = ""


@dataclass(frozen=True)
class Told:
    """A message as both sides tell it."""

    time: float
    path: str
    group: str
    alerts: tuple[tuple[str, str], ...]
    #: When each of them began.
    starts: tuple[float, ...]


@dataclass
class Run:
    """What happened and what was told."""

    text: str
    #: Seconds.
    beat: float
    numbers: list[int]
    started: float
    end: float
    happened: list[Happened]
    told: list[Told]
    #: Seconds of --dispatch.start-delay.
    start_delay: float = 0.0


def configuration(numbered: dict[int, Case], beat: float, url: str) -> str:
    """The text of an alertmanager.yml of all cases."""
    tree: dict[str, Any] = {
        "global": {"resolve_timeout": _duration(cases.RESOLVE_TIMEOUT, beat)},
        "route": {"receiver": "none", "routes": []},
        "receivers": [{"name": "none"}],
        "inhibit_rules": [],
        "time_intervals": [
            {"name": cases.ALWAYS, "time_intervals": [{"years": ["2000:2999"]}]},
            {"name": cases.NEVER, "time_intervals": [{"years": ["2000"]}]},
        ],
    }
    for number, case in numbered.items():
        _add(tree, number, copy.deepcopy(case), beat, url)
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False)


def _add(tree: dict[str, Any], number: int, case: Case, beat: float, url: str) -> None:
    own = f'{LABEL}="{number}"'
    _prepare(case.route, number, beat)
    case.route["matchers"] = [own]
    tree["route"]["routes"].append(case.route)
    for name, ways in case.receivers.items():
        hooks = [
            {"url": f"{url}/{number}-{name}/{index}", "send_resolved": ends}
            for index, ends in enumerate(ways)
        ]
        tree["receivers"].append({"name": f"{number}-{name}", "webhook_configs": hooks})
    for rule in case.inhibit_rules:
        for side in ("source_matchers", "target_matchers"):
            rule[side] = [*rule[side], own]
        tree["inhibit_rules"].append(rule)
    for name, intervals in case.intervals.items():
        tree["time_intervals"].append({"name": f"{number}-{name}", "time_intervals": intervals})


def _prepare(node: dict[str, Any], number: int, beat: float) -> None:
    if "receiver" in node:
        node["receiver"] = f"{number}-{node['receiver']}"
    for key in _TIMINGS:
        if key in node:
            node[key] = _duration(node[key], beat)
    for key in ("mute_time_intervals", "active_time_intervals"):
        if key in node:
            node[key] = [f"{number}-some" if one == "some" else one for one in node[key]]
    for child in node.get("routes", []):
        _prepare(child, number, beat)


def _duration(beats: float, beat: float) -> str:
    return f"{round(beats * beat * 1000)}ms"
