"""An alertmanager.yml as the model needs it: any that Alertmanager itself would take."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from featurewatch_kit.alertmanager import durations, versions
from featurewatch_kit.alertmanager.inhibition import InhibitRule, read_rule
from featurewatch_kit.alertmanager.routes import DEFAULT_TIMING, EVERY_LABEL, Route, read_routes
from featurewatch_kit.alertmanager.time_intervals import TimeIntervals, read_interval
from featurewatch_kit.alertmanager.versions import DEFAULT
from featurewatch_kit.errors import ArgumentError, GenerationError

_CONFIGS = "_configs"
#: Integrations that are sent no ends unless they ask for them.
_NO_ENDS = frozenset({"email", "slack", "wechat", "rocketchat"})
_MATCHERS: dict[str, type] = {"match": dict, "match_re": dict, "matchers": list}
#: What must be a mapping or a list of texts.
_ROUTE_SHAPES = _MATCHERS | {
    "group_by": list,
    "mute_time_intervals": list,
    "active_time_intervals": list,
}
_RULE_SHAPES = {"equal": list} | {
    side + key: shape for side in ("source_", "target_") for key, shape in _MATCHERS.items()
}
_ROOT_LACKS = ("match", "match_re", "matchers", "mute_time_intervals", "active_time_intervals")


@dataclass(frozen=True)
class Integration:
    """One way to a receiver: `webhook[0]`."""

    name: str
    send_resolved: bool


@dataclass(frozen=True)
class Configuration:
    """What of an alertmanager.yml decides who is told what and when."""

    root: Route
    receivers: Mapping[str, tuple[Integration, ...]]
    inhibit_rules: tuple[InhibitRule, ...]
    time_intervals: TimeIntervals
    #: Seconds.
    resolve_timeout: float


def read_configuration(text: str, version: str = DEFAULT, name: str = "") -> Configuration:
    """Read the text of an alertmanager.yml.

    Raises:
        ArgumentError: it is none; says what and where. `name` stands before that.

    """
    return from_tree(read_tree(text, name), version, name)


def read_tree(text: str, name: str = "") -> Any:
    """Parse YAML.

    Raises:
        ArgumentError: it is none.

    """
    try:
        return yaml.load(text, yaml.CSafeLoader)  # the fast one, as safe
    except yaml.YAMLError as error:
        fault = " ".join(str(error).split())
        raise ArgumentError(f"{name or 'alertmanager.yml'}: is no YAML: {fault}") from error


def read_text(file: Path) -> str:
    """Read a file.

    Raises:
        ArgumentError: it can't be read.

    """
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text in UTF-8"
        raise ArgumentError(f"{file}: {reason}; name an alertmanager.yml") from error


def from_tree(tree: Any, version: str = DEFAULT, name: str = "") -> Configuration:
    """The same of parsed YAML."""
    try:
        return _configuration(tree, version)
    except (ArgumentError, GenerationError) as error:
        raise ArgumentError(f"{name}: {error}" if name else str(error)) from error


def _configuration(tree: Any, version: str) -> Configuration:
    if not isinstance(tree, dict) or not isinstance(tree.get("route"), dict):
        raise ArgumentError("no `route` in it; is it an alertmanager.yml?")
    known = versions.version(version)
    receivers = dict(_receiver(node) for node in _list(tree, "receivers"))
    intervals = _time_intervals(tree, known)
    for place, node in _nodes(tree["route"], "route"):
        _check_shapes(node, place, _ROUTE_SHAPES)
        _check_route(node, place, receivers, intervals)
    for number, rule in enumerate(_list(tree, "inhibit_rules")):
        _check_shapes(rule, f"inhibit_rules[{number}]", _RULE_SHAPES)
    _check_root(tree["route"])
    return Configuration(
        root=read_routes(tree["route"], nothing_inherits=known.groups_by_nothing_inherit),
        receivers=receivers,
        inhibit_rules=tuple(
            read_rule(number, node) for number, node in enumerate(_list(tree, "inhibit_rules"))
        ),
        time_intervals=intervals,
        resolve_timeout=_seconds(_global(tree), "resolve_timeout", "5m", "global"),
    )


def _global(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    found = tree.get("global") or {}
    if not isinstance(found, dict):
        raise ArgumentError("global: must be a mapping")
    return found


def _list(tree: Mapping[str, Any], key: str, place: str = "") -> list[Any]:
    found = tree.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ArgumentError(f"{place}{key}: must be a list of mappings")
    return found


def _check_shapes(node: Mapping[str, Any], place: str, shapes: Mapping[str, type]) -> None:
    for key, shape in shapes.items():
        found = node.get(key)
        if found is None:
            continue
        texts = found.values() if isinstance(found, dict) else found
        if not isinstance(found, shape) or not all(isinstance(one, str) for one in texts):
            kind = "list" if shape is list else "mapping"
            raise ArgumentError(f"{place}.{key}: must be a {kind} of texts")


def _receiver(node: Mapping[str, Any]) -> tuple[str, tuple[Integration, ...]]:
    name = str(node.get("name") or "")
    if not name:
        raise ArgumentError("receivers: one has no name; write `name: ...`")
    ways = [
        Integration(f"{kind}[{index}]", bool(config.get("send_resolved", ends)))
        for kind, ends, configs in _integrations(node, f"receivers {name}: ")
        for index, config in enumerate(configs)
    ]
    return name, tuple(ways)


def _integrations(node: Mapping[str, Any], place: str) -> Iterator[tuple[str, bool, list[Any]]]:
    for key in node:
        if str(key).endswith(_CONFIGS):
            kind = key.removesuffix(_CONFIGS)
            yield kind, kind not in _NO_ENDS, _list(node, key, place)


def _time_intervals(tree: Mapping[str, Any], version: versions.Version) -> TimeIntervals:
    named = {}
    for key in ("time_intervals", "mute_time_intervals"):
        for number, node in enumerate(_list(tree, key)):
            place = f"{key}[{number}].time_intervals"
            named[str(node.get("name"))] = [
                read_interval(one, version, f"{place}[{n}]")
                for n, one in enumerate(_list(node, "time_intervals", f"{key}[{number}]."))
            ]
    return TimeIntervals(named, version)


def _nodes(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(node, dict):
        raise ArgumentError(f"{place}: must be a mapping")
    yield place, node
    children = node.get("routes") or []
    if not isinstance(children, list):
        raise ArgumentError(f"{place}.routes: must be a list of mappings")
    for number, child in enumerate(children):
        yield from _nodes(child, f"{place}.routes[{number}]")


def _check_root(root: Mapping[str, Any]) -> None:
    if not root.get("receiver"):
        raise ArgumentError("route: has no receiver, which takes what no other route does")
    for key in _ROOT_LACKS:
        if root.get(key):
            raise ArgumentError(f"route: the first route takes every alert; leave out its {key}")


def _check_route(
    node: Mapping[str, Any],
    place: str,
    receivers: Mapping[str, Any],
    intervals: TimeIntervals,
) -> None:
    receiver = node.get("receiver")
    if receiver and str(receiver) not in receivers:
        raise ArgumentError(f"{place}.receiver: {receiver!r} is not under `receivers`; add it")
    for key in ("mute_time_intervals", "active_time_intervals"):
        for name in node.get(key) or []:
            if name not in intervals:
                raise ArgumentError(f"{place}.{key}: {name!r} is not under `time_intervals`")
    names = node.get("group_by") or []
    if EVERY_LABEL in names and len(names) > 1:
        raise ArgumentError(f"{place}.group_by: has ... and labels; write one or the other")
    for key, default in DEFAULT_TIMING.items():
        if not _seconds(node, key, default, place) and key != "group_wait":
            raise ArgumentError(f"{place}.{key}: must be longer than 0s")


def _seconds(node: Mapping[str, Any], key: str, default: str, place: str) -> float:
    try:
        found = node.get(key)
        return durations.seconds(default if found is None else str(found))
    except ValueError as error:
        raise ArgumentError(f"{place}.{key}: {error}") from error
