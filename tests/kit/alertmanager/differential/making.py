"""Makes cases in which nothing hangs on a few milliseconds."""

import contextlib
from dataclasses import replace
from functools import cached_property

from hypothesis import HealthCheck, Phase, assume, given, settings

from kit.alertmanager.differential import agreement, model
from kit.alertmanager.differential.batch import Happened, Told, configuration
from kit.alertmanager.differential.cases import BREAK, END, LAST_EVENT, Case, Event, cases

#: Beats by which events are early or late, and by which looks are late, without a difference.
EARLY_OR_LATE, LATE = 0.2, 0.06
#: Beats between messages that are one.
ABOUT = 0.45
#: Of intervals that always hold, and that never do.
YEARS = ("2000:2999", "2000")
#: 2026-03-04 05:06:00 in UTC, the time of the trial runs.
TRIAL = 1_772_600_760.0


class Enough(Exception):  # noqa: N818  # no error: it ends the search
    """As many cases as were wanted."""


def make(count: int, version: str, breaks: str = "") -> list[Case]:
    """Cases of which each tells something, always the same ones."""
    made: list[Case] = []

    @settings(
        max_examples=count * 40,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
        report_multiple_bugs=False,
    )
    @given(cases(breaks))
    def collect(case: Case) -> None:
        if len(made) == count:  # it tries the last one again
            _enough()
        # Hypothesis likes to change little.
        assume(not any(one.route == case.route or one.events == case.events for one in made))
        assume(steady(case, version, breaks))
        made.append(case)
        if len(made) == count:
            _enough()

    with contextlib.suppress(Enough):
        collect()
    return made


def _enough() -> None:
    raise Enough


def steady(case: Case, version: str, breaks: str = "") -> bool:
    """Whether the model tells something, and the same if everything is a little early or late.

    Whatever time it is: within the interval, and without.
    """
    variants = [case]
    if "some" in str(case.route):
        variants = [replace(case, intervals={"some": [{"years": [years]}]}) for years in YEARS]
    return all(_steady(one, version, breaks) for one in variants)


def _steady(case: Case, version: str, breaks: str) -> bool:
    trials = Trials(case, version, breaks)
    plain = trials.lines()
    if not plain or trials.twins():
        return False
    # Whatever two of them do to one another shows when one is late and the other early.
    moves = [
        [late if here == other else -late for other in range(len(case.events))]
        for here in range(len(case.events))
        for late in (EARLY_OR_LATE, -EARLY_OR_LATE)
    ]
    return all(_alike(plain, trials.lines(some)) for some in moves)


def _alike(one: agreement.Lines, other: agreement.Lines) -> bool:
    """Whether both are the same messages at about the same times."""
    return one.keys() == other.keys() and all(
        [first.alerts for first in told] == [second.alerts for second in other[key]]
        and all(
            abs(first.time - second.time) < ABOUT
            for first, second in zip(told, other[key], strict=True)
        )
        for key, told in one.items()
    )


class Trials:
    """One case on the model, again and again."""

    def __init__(self, case: Case, version: str, breaks: str = "") -> None:
        self._case, self._version, self._breaks = case, version, breaks

    def lines(self, moves: list[float] | None = None) -> agreement.Lines:
        """What is told; with `moves`, if each event is that much late, and looks are, too."""
        return agreement.lines(self._told(moves))

    def twins(self) -> bool:
        """Whether two routes share a log and ask it at once: the quicker one may be seen or not."""
        told = [(one.time, one.path, one.group) for one in self._told(None)]
        return len(set(told)) < len(told)

    def _told(self, moves: list[float] | None) -> list[Told]:
        still = [0.0] * len(self._case.events)
        events = [
            _happened(event, move)
            for event, move in zip(self._case.events, moves or still, strict=True)
        ]
        at = TRIAL + BREAK
        if self._breaks:
            events.append(Happened(at, process=self._breaks))
        if self._breaks in {"restart", "kill"}:
            events.append(Happened(at + LATE, process="start"))
        text = self._late if moves else self._in_time
        return model.run(text, events, self._version, (TRIAL - 100, TRIAL + END))

    @cached_property
    def _in_time(self) -> str:
        return configuration({0: self._case}, 1.0, "http://localhost")

    @cached_property
    def _late(self) -> str:
        return configuration({0: self._case}, 1.0 + LATE / LAST_EVENT, "http://localhost")


def _happened(event: Event, move: float) -> Happened:
    silence = event.silence
    return Happened(
        at=TRIAL + event.at + move,
        case=0,
        post=[_timed(one, event.at) for one in event.post],
        silence=silence and silence | {"ends": TRIAL + event.at + silence["ends"]},
        unsilence=event.unsilence,
    )


def _timed(alert: dict, at: float) -> dict:
    return alert | {
        key: None if alert[key] is None else TRIAL + at + alert[key] for key in ("starts", "ends")
    }
