"""`for` and `keep_firing_for`, against Prometheus's own steps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.alert_state import Patience, State, states


def _by_steps(condition: list[bool], hold: int, keep: int) -> tuple[list[bool], list[bool]]:
    """As Prometheus does it, one evaluation after the other."""
    firing, pending = [], []
    active = ended = None
    fires = False
    for now, true in enumerate(condition):
        if true:
            active, ended = now if active is None else active, None
        elif fires and now - (ended := now if ended is None else ended) < keep:
            pass
        else:
            active, ended, fires = None, None, False
        fires = fires or (active is not None and now - active >= hold)
        firing.append(fires)
        pending.append(active is not None and not fires)
    return firing, pending


@given(
    st.lists(st.booleans(), min_size=1, max_size=40),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(0, 40),
)
def test_it_fires_at_the_same_evaluations_however_time_is_cut(
    condition: list[bool], hold: int, keep: int, cut: int
) -> None:
    state = State()
    firing, pending = [], []
    for part in (condition[:cut], condition[cut:]):
        now, waiting, state = states(np.array(part, dtype=bool), Patience(hold, keep), state)
        firing += now.tolist()
        pending += waiting.tolist()
    assert (firing, pending) == _by_steps(condition, hold, keep)


def test_what_lies_between_two_evaluations_is_seen_at_the_second() -> None:
    assert Patience.of(20, 15, step=15) == Patience(2, 1)
