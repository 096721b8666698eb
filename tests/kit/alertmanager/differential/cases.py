"""Random configurations and streams of alerts, each with a case number of its own.

Times are in beats, which are as long as the machine needs. What happens happens on a beat, groups
are looked at half a beat after one, and alerts and silences end a quarter after one, so that
nothing that matters is near anything else.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from hypothesis import strategies as st

#: Beats until which something happens, and until which messages are waited for.
LAST_EVENT, END = 16, 21.25
#: Beats after which an alert ends by itself, of all cases.
RESOLVE_TIMEOUT = 6.25
#: The beat at which the process is ended, or its configuration is read again, if it is.
BREAK = 7.75
#: Beats before a reload without any event: after it everything is old, and looked at at once.
STILL = 3
ALWAYS, NEVER = "always", "never"


@dataclass
class Event:
    """Something that happens: alerts are posted, or a silence is added or ended."""

    at: float
    post: list[dict[str, Any]] = field(default_factory=list)
    silence: dict[str, Any] | None = None
    unsilence: int | None = None


@dataclass
class Case:
    """A tree of routes with its receivers and inhibitions, and what happens."""

    route: dict[str, Any]
    #: By name: for each webhook, whether it is sent ends.
    receivers: dict[str, list[bool]]
    inhibit_rules: list[dict[str, Any]]
    intervals: dict[str, list[dict[str, Any]]]
    events: list[Event]

    def plain(self) -> dict[str, Any]:
        """For a file of JSON."""
        return asdict(self)


NAMES, SEVERITIES, TEAMS = ("A", "B", "C"), ("hi", "lo"), ("x", "y")
LABELS = ("alertname", "sev", "team")
MATCHERS = st.sampled_from(
    [
        ['sev="hi"'],
        ["sev = lo"],
        ['team=~"x|z"'],
        ['alertname!="A"'],
        ['team!~"x.*"', 'alertname=~"A|B"'],
        ['{sev="hi", team="x"}'],
        ['team=""'],
        ['alertname=~"[AC]"'],
        [],
    ]
)
OLD_MATCHERS = st.sampled_from(
    [{"match": {"sev": "hi"}}, {"match_re": {"alertname": "A|C"}}, {"match": {"team": "y"}}]
)
CONDITIONS = st.one_of(MATCHERS.map(lambda texts: {"matchers": texts}), OLD_MATCHERS)
GROUP_BY = st.sampled_from([None, ["alertname"], ["sev"], ["team", "sev"], ["..."], []])
LABEL_SETS = st.fixed_dictionaries(
    {"alertname": st.sampled_from(NAMES), "sev": st.sampled_from(SEVERITIES)},
    optional={
        "team": st.sampled_from(TEAMS),
        "job": st.sampled_from(["j1", "j2"]),
        "instance": st.sampled_from(["i1", "i2"]),
    },
)
INTERVALS = st.fixed_dictionaries(
    {},
    optional={
        "weekdays": st.lists(
            st.sampled_from(["monday:wednesday", "sunday", "thursday:saturday", "Tuesday"]),
            min_size=1,
            max_size=2,
        ),
        "months": st.sampled_from([["january:june"], ["7:12"], ["march", "november:december"]]),
        "days_of_month": st.sampled_from([["1:15"], ["16:31"], ["-10:-1"], ["5:-5"]]),
        "years": st.sampled_from([["2020:2100"], ["2020"]]),
        "location": st.sampled_from(["Asia/Tokyo", "America/New_York", "Pacific/Chatham"]),
    },
)


@st.composite
def routes(
    draw: st.DrawFn, receivers: list[str], depth: int = 0, *, alone: bool = False
) -> dict[str, Any]:
    """A route with its children; `alone`: every alert is a group by itself."""
    node: dict[str, Any] = dict(draw(CONDITIONS)) if depth else {}
    if depth == 0 or draw(st.booleans()):
        node["receiver"] = draw(st.sampled_from(receivers))
    group_by = ["..."] if alone else draw(GROUP_BY)
    if group_by is not None:
        node["group_by"] = group_by
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        node |= draw(timings())
    if depth and draw(st.booleans()):
        node["continue"] = True
    for key in ("mute_time_intervals", "active_time_intervals"):
        if draw(st.integers(0, 5)) == 0:
            node[key] = draw(st.lists(st.sampled_from([ALWAYS, NEVER, "some"]), max_size=2))
    most = (3, 2, 0)[depth]
    children = (
        draw(st.lists(routes(receivers, depth + 1, alone=alone), max_size=most)) if most else []
    )
    if children:
        node["routes"] = children
    return node


@st.composite
def timings(draw: st.DrawFn) -> dict[str, float]:
    """Looks half a beat after one; what is told again is due in the middle between two looks."""
    interval = draw(st.sampled_from([1, 2, 3]))
    return {
        "group_wait": draw(st.sampled_from([0.5, 1.5, 2.5])),
        "group_interval": interval,
        "repeat_interval": interval * draw(st.sampled_from([1, 2, 4, 9])) - 0.5,
    }


@st.composite
def inhibit_rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule with matchers of both styles."""
    node: dict[str, Any] = {}
    for side in ("source_", "target_"):
        conditions = draw(CONDITIONS)
        node |= {side + key: value for key, value in conditions.items() if value}
        node.setdefault(f"{side}matchers", [])
    equal = draw(st.lists(st.sampled_from([*LABELS, "job"]), unique=True, max_size=2))
    return node | {"equal": equal}


@st.composite
def posts(draw: st.DrawFn, actors: list[dict[str, str]], at: int) -> Event:
    """Several new alerts, or one that is old, has ended, or says when it will.

    An old one makes its group be looked at at once: what comes with it can be in time or not.
    """
    if draw(st.integers(0, 2)) == 0:
        some = draw(st.lists(st.sampled_from(actors), min_size=1, max_size=3, unique_by=str))
        return Event(at, post=[{"labels": one, "starts": None, "ends": None} for one in some])
    ends = draw(st.sampled_from([None, None, -0.25, -0.25, 2.25, 4.25]))
    starts = draw(st.sampled_from([None, 0, -1, -2, -3, -5]))
    if ends is not None and ends < (starts or 0):
        starts = None if starts is None else -1
    return Event(
        at, post=[{"labels": draw(st.sampled_from(actors)), "starts": starts, "ends": ends}]
    )


@st.composite
def silences(draw: st.DrawFn, at: int) -> Event:
    """A silence from now on."""
    name, value, regex = draw(
        st.sampled_from([("sev", "hi", False), ("alertname", "A|B", True), ("team", "x", False)])
    )
    equal = draw(st.booleans())
    ends = draw(st.sampled_from([2.25, 5.25, 40.25]))
    matcher = {"name": name, "value": value, "isRegex": regex, "isEqual": equal}
    return Event(at, silence={"matcher": matcher, "ends": ends})


@st.composite
def cases(draw: st.DrawFn, breaks: str = "") -> Case:
    """One case; `breaks`: what happens to the process on the way, "restart" or "reload".

    After a reload old alerts are looked at as they come, in any order, inhibited yet or not: so
    there each is alone then.
    """
    reloads = breaks == "reload"
    receivers = {
        name: draw(st.lists(st.booleans(), min_size=1, max_size=2)) for name in ("r1", "r2", "r3")
    }
    rules = [] if reloads else draw(st.lists(inhibit_rules(), max_size=3))
    return Case(
        route=draw(routes(list(receivers), alone=reloads)),
        receivers=receivers,
        inhibit_rules=rules,
        intervals={"some": [draw(INTERVALS)]},
        events=draw(streams([b for b in range(LAST_EVENT) if not (reloads and _still(b))])),
    )


def _still(at: int) -> bool:
    return BREAK - STILL < at < BREAK


@st.composite
def streams(draw: st.DrawFn, beats: list[int]) -> list[Event]:
    """What happens on some of these beats."""
    actors = draw(st.lists(LABEL_SETS, min_size=2, max_size=5, unique_by=str))
    count, silent, events = draw(st.integers(4, 12)), 0, []
    chance = draw(st.randoms(use_true_random=False))
    for at in sorted(chance.sample(beats, count)):
        kind = draw(st.integers(0, 9))
        if kind == 0:
            events.append(draw(silences(at)))
            silent += 1
        elif kind == 1 and silent:
            events.append(Event(at, unsilence=draw(st.integers(0, silent - 1))))
        else:
            events.append(draw(posts(actors, at)))
    return events
