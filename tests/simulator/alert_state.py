"""An alert's `for` and `keep_firing_for`: when its condition makes it pending and firing."""

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

NEVER = -(2**60)


@dataclass(frozen=True)
class State:
    """What an alert remembers from one evaluation to the next, in steps before the first one."""

    #: Since when the condition has held; the evaluations are counted from 0 of what comes next.
    active: int = NEVER
    fires: bool = False
    last_true: int = NEVER

    def later(self, steps: int) -> "State":
        """The same, counted from that many steps later."""
        return replace(self, active=self.active - steps, last_true=self.last_true - steps)


@dataclass(frozen=True)
class Patience:
    """`for` and `keep_firing_for`, in evaluations."""

    hold: int
    keep: int

    @classmethod
    def of(cls, hold_seconds: float, keep_seconds: float, step: float) -> "Patience":
        """From seconds; what lies between two evaluations is seen at the second one."""
        return cls(ceil(hold_seconds / step - 1e-9), ceil(keep_seconds / step - 1e-9))


def states(
    condition: np.ndarray, patience: Patience, state: State
) -> tuple[np.ndarray, np.ndarray, State]:
    """Where the alert fires, where it is pending, and what it remembers at the end."""
    firing = np.zeros(len(condition), dtype=bool)
    pending = np.zeros(len(condition), dtype=bool)
    for begin, end in _runs(condition):
        state = _kept(firing, begin, patience, state)
        if not state.fires and state.last_true != begin - 1:
            state = replace(state, active=begin)
        fires = begin if state.fires else max(begin, state.active + patience.hold)
        firing[fires:end] = True
        pending[begin : min(fires, end)] = True
        state = State(state.active, fires < end, end - 1)
    state = _kept(firing, len(condition), patience, state)
    return firing, pending, state.later(len(condition))


def _kept(firing: np.ndarray, until: int, patience: Patience, state: State) -> State:
    """Let it fire on after its condition ended, and end it if that is too long ago."""
    if not state.fires:
        return state
    end = state.last_true + 1
    firing[max(0, end) : max(0, min(until, end + patience.keep))] = True
    return state if until - end <= patience.keep else replace(state, fires=False)


def _runs(condition: np.ndarray) -> np.ndarray:
    """Beginnings and ends of where it holds."""
    edges = np.diff(np.concatenate(([0], condition.astype(np.int8), [0])))
    return np.column_stack((np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)))
