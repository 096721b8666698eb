"""Cases that chance seldom makes."""

from typing import Any

from kit.alertmanager.differential.cases import Case, Event

#: Beats until which the longest of them goes: empty groups are swept away every 30 seconds.
LONG_END = 96.25
_ROUTE = {
    "receiver": "r1",
    "group_by": ["alertname"],
    "group_wait": 0.5,
    "group_interval": 4,
    "repeat_interval": 399.5,
}


def _alert(name: str, starts: float | None = None, ends: float | None = None, **labels: str) -> Any:
    return {"labels": {"alertname": name, **labels}, "starts": starts, "ends": ends}


def _case(events: list[Event], *, rules: list[Any] | None = None, **route: Any) -> Case:
    return Case(_ROUTE | route, {"r1": [True], "r2": [True]}, rules or [], {}, events)


def directed() -> list[Case]:
    """All of them."""
    return [
        swept(),
        two_sources(),
        two_sided(),
        one_log(),
        twins(),
        late_old_one(),
        overlapping(),
        grouped_by_nothing(),
    ]


def delayed() -> Case:
    """Groups begin and are filled before the first look at any of them; one begins after it."""
    return _case(
        [
            Event(0, post=[_alert("A", ends=40.25, n="1")]),
            Event(1, post=[_alert("B", -9, 40.25)]),
            Event(2, post=[_alert("A", ends=40.25, n="2")]),
            Event(3, post=[_alert("C", ends=2.25)]),
            Event(25, post=[_alert("D", ends=40.25)]),
        ]
    )


def swept() -> Case:
    """A group empties and is filled again, within 30 seconds and after them."""
    return _case(
        [
            Event(0, post=[_alert("A")]),
            Event(2, post=[_alert("A", ends=-0.25)]),
            Event(6, post=[_alert("A")]),
            Event(7, post=[_alert("A", ends=-0.25)]),
            Event(90, post=[_alert("A")]),
            Event(91, post=[_alert("A", ends=-0.25)]),
        ]
    )


def two_sources() -> Case:
    """Of two sources the one that lasts is sent first, and the one sent last ends."""
    return _case(
        [
            Event(0, post=[_alert("S", ends=60.25, n="1")]),
            Event(1, post=[_alert("S", ends=60.25, n="2")]),
            Event(2, post=[_alert("T", ends=60.25)]),
            Event(8, post=[_alert("S", ends=-0.25, n="2")]),
            Event(20, post=[_alert("S", ends=60.25, n="1")]),
            Event(30, post=[_alert("T", ends=-0.25)]),
        ],
        rules=[
            {"source_matchers": ["alertname=S"], "target_matchers": ["alertname=T"], "equal": []}
        ],
    )


def two_sided() -> Case:
    """Alerts on both sides of a rule do not mute each other; one that is a source alone does."""
    return _case(
        [
            Event(0, post=[_alert("B", ends=40.25, x="1", s="1")]),
            Event(1, post=[_alert("C", ends=40.25, x="1", s="1")]),
            Event(5, post=[_alert("D", ends=20.25, s="1")]),
            Event(6, post=[_alert("E", ends=40.25, x="1", s="1")]),
        ],
        rules=[{"source_matchers": ["s=1"], "target_matchers": ["x=1"], "equal": []}],
    )


def one_log() -> Case:
    """Two routes with the same matchers and receiver share what they remember."""
    child = {"matchers": ["alertname=A"], "continue": True, "receiver": "r2"}
    return _case(
        [Event(0, post=[_alert("A", ends=30.25)]), Event(14, post=[_alert("A", ends=-0.25)])],
        routes=[child, dict(child, group_wait=1.5)],
    )


def twins() -> Case:
    """Two such routes that look at once: both tell."""
    child = {"matchers": ["alertname=A"], "continue": True, "receiver": "r2"}
    return _case(
        [Event(0, post=[_alert("A", ends=30.25)]), Event(14, post=[_alert("A", ends=-0.25)])],
        routes=[child, dict(child)],
    )


def late_old_one() -> Case:
    """An old alert joins a group that waits."""
    return _case(
        [
            Event(0, post=[_alert("A", n="1")]),
            Event(2, post=[_alert("A", -9, n="2")]),
            Event(4, post=[_alert("A", ends=-0.25, n="1")]),
        ],
        group_wait=6.5,
    )


def overlapping() -> Case:
    """What is sent anew with a later beginning keeps the first; an end that was said lasts."""
    return _case(
        [
            Event(0, post=[_alert("A", -3, 8.25), _alert("B", -3)]),
            Event(3, post=[_alert("A", -1, 2.25), _alert("B", -1, 2.25)]),
            Event(20, post=[_alert("A", -30, -15.25)]),
        ]
    )


def grouped_by_nothing() -> Case:
    """`group_by: []` below a route that groups."""
    return _case(
        [Event(0, post=[_alert("A"), _alert("B")])],
        routes=[{"matchers": ['alertname=~"A|B"'], "group_by": [], "receiver": "r2"}],
    )
