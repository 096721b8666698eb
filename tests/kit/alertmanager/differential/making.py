"""Makes cases in which nothing hangs on a few milliseconds."""

import contextlib
from dataclasses import replace

from hypothesis import HealthCheck, Phase, assume, given, settings

from kit.alertmanager.differential import agreement, model
from kit.alertmanager.differential.batch import Happened, Told, configuration
from kit.alertmanager.differential.cases import BREAK, END, LAST_EVENT, Case, cases

#: Beats by which events are early or late, and by which looks are late, without a difference.
EARLY_OR_LATE, LATE = 0.2, 0.06
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
    plain = trial(case, version, breaks)
    if not any(plain) or _twins(case, version, breaks):
        return False
    # Whatever two of them do to one another shows when one is late and the other early.
    trials = [
        [late if here == other else -late for other in range(len(case.events))]
        for here in range(len(case.events))
        for late in (EARLY_OR_LATE, -EARLY_OR_LATE)
    ]
    return all(trial(case, version, breaks, moves) == plain for moves in trials)


def _twins(case: Case, version: str, breaks: str) -> bool:
    """Whether two routes share a log and ask it at once: the quicker one may be seen or not."""
    told = [(one.time, one.path, one.group) for one in _told(case, version, breaks)]
    return len(set(told)) < len(told)


def trial(
    case: Case, version: str, breaks: str = "", moves: list[float] | None = None
) -> list[object]:
    """What the model tells; with `moves`, if each event is that much late, and looks are, too."""
    told = _told(case, version, breaks, moves)
    return [(key, [one.alerts for one in found]) for key, found in agreement.lines(told).items()]


def _told(case: Case, version: str, breaks: str, moves: list[float] | None = None) -> list[Told]:
    late = LATE if moves else 0.0
    events = [
        Happened(
            at=TRIAL + event.at + move,
            case=0,
            post=[_timed(one, event.at) for one in event.post],
            silence=event.silence
            and event.silence | {"ends": TRIAL + event.at + event.silence["ends"]},
            unsilence=event.unsilence,
        )
        for event, move in zip(case.events, moves or [0.0] * len(case.events), strict=True)
    ]
    at = TRIAL + BREAK
    if breaks:
        events.append(Happened(at, process=breaks))
    if breaks in {"restart", "kill"}:
        events.append(Happened(at + LATE, process="start"))
    text = configuration({0: case}, 1.0 + late / LAST_EVENT, "http://localhost")
    return model.run(text, events, version, TRIAL - 100, TRIAL + END)


def _timed(alert: dict, at: float) -> dict:
    return alert | {
        key: None if alert[key] is None else TRIAL + at + alert[key] for key in ("starts", "ends")
    }
