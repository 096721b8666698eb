"""Whose turn it is: `choose` tried with every history that a list of responses can have."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurewatch_receiver.automation.guards import PASSING
from featurewatch_receiver.automation.sequence import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Attempt,
    Next,
    choose,
)
from featurewatch_receiver.config.receiver import AlertResponse
from featurewatch_receiver.states import OPEN, OUTCOMES, Origin, SkipReason, State
from receiver.payloads import T0

LIST = ["clear_cache", "optimize_resources", "scale_up_deployment"]
DECAY = timedelta(minutes=5)
ALERT = AlertResponse(responses=LIST, decay="5m")
LONG_AGO = T0 - timedelta(days=1)
CURES = (State.EFFECTIVE, State.INCONCLUSIVE, State.DONE)
FINAL = {
    (State.IN_DOUBT, None),
    (State.CANCELLED, None),
    (State.SKIPPED, SkipReason.DRY_RUN),
    (State.SKIPPED, SkipReason.APPROVAL_DENIED),
    (State.SKIPPED, SkipReason.APPROVAL_EXPIRED),
}
# A run that ended and leaves room for the next, once its cure has had time to show.
OVER = [State.EFFECTIVE, State.INEFFECTIVE, State.INCONCLUSIVE, State.DONE, State.FAILED]


def attempt(  # noqa: PLR0913  # what is known of one, by name
    action: str = LIST[0],
    state: State = State.INEFFECTIVE,
    reason: SkipReason | None = None,
    *,
    number: int = 1,
    queued: int = 1,
    ago: timedelta = timedelta(days=1),
    origin: Origin = Origin.ALERT,
) -> Attempt:
    return Attempt(
        id=f"e:{action}:{number}",
        action=action,
        state=state,
        reason=reason,
        queued=queued,
        finished_at=None if state in OPEN else T0 - ago,
        origin=origin,
    )


reasons = st.sampled_from(SkipReason)
anything = st.builds(
    lambda state, reason, action, queued, minutes, origin: attempt(
        action,
        state,
        reason if state is State.SKIPPED else None,
        queued=queued,
        ago=timedelta(minutes=minutes),
        origin=origin,
    ),
    st.sampled_from(State),
    reasons,
    st.sampled_from(LIST),
    st.integers(0, 12),
    st.integers(0, 200),
    st.sampled_from([Origin.ALERT, Origin.PERSON]),
)
histories = st.lists(anything, max_size=8)


@given(histories, st.sampled_from(OPEN), st.sampled_from(LIST), st.sampled_from(Origin))
def test_nothing_begins_while_something_is_open(
    history: list[Attempt], state: State, action: str, origin: Origin
) -> None:
    assert choose(ALERT, [*history, attempt(action, state, origin=origin)], T0) is None


@given(histories, st.sampled_from(sorted(FINAL, key=str)), st.data())
def test_nothing_begins_after_a_person_has_spoken_or_must(
    history: list[Attempt], end: tuple[State, SkipReason | None], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(history)))
    history.insert(place, attempt(data.draw(st.sampled_from(LIST)), *end))
    assert choose(ALERT, history, T0) is None


@given(histories, st.sampled_from(CURES), st.sampled_from(list(Origin)))
def test_a_cure_is_given_the_time_to_show(
    history: list[Attempt], state: State, origin: Origin
) -> None:
    almost = DECAY - timedelta(seconds=1)
    assert choose(ALERT, [*history, attempt(state=state, ago=almost, origin=origin)], T0) is None


@given(histories)
def test_only_actions_of_the_list_come_and_the_numbers_count_up(history: list[Attempt]) -> None:
    turn = choose(ALERT, history, T0)
    if turn is None:
        return
    before = [a for a in history if a.action == turn.action and a.origin is Origin.ALERT]
    assert turn.action in LIST
    assert turn.again == (before[-1] if turn.again else None)
    assert turn.number == len(before) + (0 if turn.again else 1)


def test_the_order_of_the_list_is_kept() -> None:
    history: list[Attempt] = []
    turns = []
    while len(history) < 3 * len(LIST):
        turn = choose(ALERT, history, T0)
        assert turn is not None
        turns.append((turn.action, turn.number))
        history.append(attempt(turn.action, number=turn.number))
    first_round = [(action, 1) for action in LIST]
    again = [(LIST[0], number) for number in range(2, 8)]
    assert turns == first_round + again


def test_what_is_switched_off_or_at_its_bound_lets_the_next_have_its_turn() -> None:
    for reason in (SkipReason.ACTION_OFF, SkipReason.AT_BOUND, SkipReason.NOTHING_TO_DO):
        history = [attempt(LIST[0], State.SKIPPED, reason)]
        assert choose(ALERT, history, T0) == Next(action=LIST[1], number=1)


@pytest.mark.parametrize("reason", sorted(PASSING))
def test_a_reason_that_passes_keeps_the_turn(reason: SkipReason) -> None:
    skipped = attempt(LIST[0], State.SKIPPED, reason, queued=0, ago=timedelta())
    assert choose(ALERT, [skipped], T0) == Next(action=LIST[0], number=1, again=skipped)


@pytest.mark.parametrize("queued", range(1, 16))
def test_what_was_found_at_the_target_is_looked_at_again_ever_more_seldom(queued: int) -> None:
    pause = min(FIRST_PAUSE * 2 ** (queued - 1), LONGEST_PAUSE)
    reason = SkipReason.SOURCE_UNREACHABLE
    early, due = (
        attempt(LIST[0], State.SKIPPED, reason, queued=queued, ago=pause - short)
        for short in (timedelta(seconds=1), timedelta())
    )
    assert choose(ALERT, [early], T0) is None
    assert choose(ALERT, [due], T0) == Next(action=LIST[0], number=1, again=due)


def test_what_a_person_ran_is_no_turn_of_the_list() -> None:
    by_person = attempt(LIST[0], State.FAILED, origin=Origin.PERSON)
    cancelled = attempt(LIST[0], State.CANCELLED, origin=Origin.PERSON)
    assert choose(ALERT, [by_person, cancelled], T0) == Next(action=LIST[0], number=1)


@given(
    st.lists(st.sampled_from(LIST), unique=True),
    st.dictionaries(st.sampled_from(LIST), st.integers(1, 3), min_size=3),
    st.data(),
)
def test_it_comes_to_an_end(
    responses: list[str], budgets: dict[str, int], data: st.DataObject
) -> None:
    """With a budget for each action, as the guard `attempts_per_episode` keeps it."""
    alert = AlertResponse(responses=responses, decay="5m")
    history: list[Attempt] = []
    runs = dict.fromkeys(LIST, 0)
    for _ in range(sum(budgets.values()) + len(LIST) + 1):
        turn = choose(alert, history, T0)
        if turn is None:
            break
        state, reason = data.draw(st.sampled_from(OVER)), None
        if runs[turn.action] >= budgets[turn.action]:
            state, reason = State.SKIPPED, SkipReason.ATTEMPTS_PER_EPISODE
        runs[turn.action] += 1
        history.append(attempt(turn.action, state, reason, number=turn.number))
    assert choose(alert, history, T0) is None


def test_an_alert_without_responses_has_no_turns() -> None:
    assert choose(AlertResponse(responses=[]), [], T0) is None
    assert set(OPEN).isdisjoint(OUTCOMES)
