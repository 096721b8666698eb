"""One measured number, what is expected of it, and how it is shown."""

from dataclasses import dataclass
from typing import Any, Literal

#: From here on fractions say nothing.
LARGE = 100


class BenchError(Exception):
    """A measurement that would prove nothing: no data, a rule in error; one line for people."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The bound that a figure keeps."""

    kind: Literal["at most", "at least"]
    bound: float

    def met_by(self, value: float) -> bool:
        """Whether the value keeps the bound; the bound itself does."""
        return value <= self.bound if self.kind == "at most" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.kind} {self.bound:g}"


def at_most(bound: float) -> Goal:
    """Less is better."""
    return Goal(kind="at most", bound=bound)


def at_least(bound: float) -> Goal:
    """More is better."""
    return Goal(kind="at least", bound=bound)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number."""

    #: Subject, case and what was measured, with dots between: `rules.1000_instances.total`.
    name: str
    value: float
    #: `s`, `ratio`, `bytes`, or the thing counted.
    unit: str
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None: there is none."""
        return self.goal.met_by(self.value) if self.goal else None

    def line(self) -> str:
        """Name, value, unit, goal and verdict."""
        shown = f"{self.name:<72} {_short(self.value):>10} {self.unit:<7}"
        verdict = f" {self.goal!s:<15} {'ok' if self.met else 'missed'}" if self.goal else ""
        return (shown + verdict).rstrip()

    def entry(self) -> dict[str, Any]:
        """The figure in build/bench.json."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": str(self.goal) if self.goal else None,
            "met": self.met,
        }


def growth(before: float, after: float) -> float:
    """How many times as much.

    Raises:
        BenchError: there was nothing before, so nothing was measured.

    """
    if before <= 0:
        raise BenchError(f"grew from {before:g} to {after:g}: nothing was measured before")
    return after / before


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= LARGE or float(value).is_integer() else f"{value:.3g}"
