"""What was tried, and what comes next: whose turn it is of the actions of an alert's response.

What chooses is pure: it decides from the configuration, the attempts and the time. Guards are asked
afterwards; below stand the facts that they decide from. A run counts from when the target was told.
A failure before that counts, too, and so does a dry run: or the same would be tried, or proposed,
over and over.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from featurewatch_receiver.automation.guards import PASSING
from featurewatch_receiver.config.receiver import ActionName, AlertResponse, ReceiverConfig
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.states import ACTIVE, FAILURES, OPEN, Origin, SkipReason, State
from featurewatch_receiver.store.schema import episodes, remediations, switches
from featurewatch_receiver.store.switches import KILL_SWITCH

# A reason that was found at the target, or at Prometheus, is looked at again after a minute, and
# then each time after twice as long.
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
# With these a person has spoken, or should: nothing else is tried.
_FINAL = frozenset({SkipReason.DRY_RUN, SkipReason.APPROVAL_DENIED, SkipReason.APPROVAL_EXPIRED})

_PERHAPS_CURED = (State.EFFECTIVE, State.INCONCLUSIVE, State.DONE)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What was done about an episode before, once."""

    id: str
    action: ActionName
    state: State
    reason: str | None
    queued: int
    finished_at: datetime | None
    origin: Origin = Origin.ALERT

    @property
    def waits(self) -> bool:
        """Whether it was skipped for a reason that passes."""
        return self.state is State.SKIPPED and self.reason in PASSING

    def may_be_tried(self, now: datetime) -> bool:
        """Whether it is time to look whether the reason has passed."""
        if not self.queued or self.finished_at is None:
            return True
        doublings = min(self.queued - 1, 10)
        return now >= self.finished_at + min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


@dataclass(frozen=True, kw_only=True)
class Next:
    """The action whose turn it is; `again` is the skip that it takes the place of."""

    action: ActionName
    number: int
    again: Attempt | None = None


def choose(alert: AlertResponse, attempts: Sequence[Attempt], now: datetime) -> Next | None:
    """Return whose turn it is, or None: nobody's, or not yet. `attempts` are in order of time.

    What a person asked for keeps others waiting, and is no turn of the list.
    """
    if not alert.responses or any(attempt.state in OPEN for attempt in attempts):
        return None
    ours = [attempt for attempt in attempts if attempt.origin is Origin.ALERT]
    decays = any(_still_decays(alert, attempt, now) for attempt in attempts)
    if decays or any(_is_final(attempt) for attempt in ours):
        return None
    by_action: dict[ActionName, list[Attempt]] = defaultdict(list)
    for attempt in ours:
        by_action[attempt.action].append(attempt)
    for action in alert.responses:
        mine = by_action[action]
        if not mine:
            return Next(action=action, number=1)
        if mine[-1].waits:
            due = mine[-1].may_be_tried(now)
            return Next(action=action, number=len(mine), again=mine[-1]) if due else None
    for action in alert.responses:
        if by_action[action][-1].state is not State.SKIPPED:
            return Next(action=action, number=len(by_action[action]) + 1)
    return None


def _is_final(attempt: Attempt) -> bool:
    return attempt.state in (State.IN_DOUBT, State.CANCELLED) or attempt.reason in _FINAL


def _still_decays(alert: AlertResponse, attempt: Attempt, now: datetime) -> bool:
    """Whether the alert may still fire only because it looks back to before the action."""
    if attempt.state not in _PERHAPS_CURED or attempt.finished_at is None:
        return False
    return now - attempt.finished_at < timedelta(seconds=seconds(alert.decay))


_r = remediations.c
_ran = or_(_r.acted_at.is_not(None), _r.state.in_(FAILURES), _r.reason == SkipReason.DRY_RUN)
_ran_at = func.coalesce(_r.acted_at, _r.finished_at)


def is_busy(connection: Connection, target: str | None, besides: str | None = None) -> bool:
    """Whether another action is planned or at work on the target."""
    active = exists().where(_r.target == target, _r.state.in_(ACTIVE), _r.id != (besides or ""))
    return bool(connection.scalar(select(active)))


def last_run(
    connection: Connection, action: ActionName, target: str | None, besides: str | None = None
) -> datetime | None:
    """When the action last ended on the target, however it ended."""
    ended: datetime | None = connection.scalar(
        select(func.max(_r.finished_at)).where(
            _r.target == target, _r.action == action, _ran, _r.id != (besides or "")
        )
    )
    return ended


def runs_of_episode(
    connection: Connection, action: ActionName, episode_id: str | None, besides: str | None = None
) -> int:
    """How often the action ran for the episode."""
    return _count(connection, _r.action == action, _r.episode_id == episode_id, besides=besides)


def runs_since(
    connection: Connection,
    action: ActionName,
    target: str | None,
    since: datetime,
    besides: str | None = None,
) -> int:
    """How often the action ran on the target since then."""
    later = _ran_at > since
    return _count(connection, _r.target == target, _r.action == action, later, besides=besides)


def _count(connection: Connection, *where: ColumnElement[bool], besides: str | None) -> int:
    query = select(func.count()).where(and_(*where, _ran, _r.id != (besides or "")))
    return int(connection.scalar(query) or 0)


def episodes_begun(connection: Connection, config: ReceiverConfig, now: datetime) -> int:
    """How many episodes with a response began within the storm's window.

    A member of an incident does not count: the incident does.
    """
    since = now - timedelta(seconds=seconds(config.responses.storm.window))
    with_response = [name for name, alert in config.alerts.items() if alert.responses]
    began = and_(
        episodes.c.started_at > since,
        episodes.c.alertname.in_(with_response),
        episodes.c.inhibited_at.is_(None),
    )
    return int(connection.scalar(select(func.count()).where(began)) or 0)


def is_engaged(connection: Connection, name: str = KILL_SWITCH) -> bool:
    """Whether a switch is engaged."""
    found = connection.scalar(select(switches.c.engaged).where(switches.c.name == name))
    return bool(found)
