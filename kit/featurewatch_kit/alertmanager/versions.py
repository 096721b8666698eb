"""What differs between versions of Alertmanager, 0.25 to 0.35."""

import re
from dataclasses import dataclass

from featurewatch_kit.errors import ArgumentError

OLDEST, NEWEST = (0, 25), (0, 35)
#: For who names none.
DEFAULT = "{}.{}".format(*NEWEST)


@dataclass(frozen=True)
class Version:
    """A version of Alertmanager by its numbers, and what it does other than the others."""

    numbers: tuple[int, int, int]

    @property
    def hurries_for_old_alerts(self) -> bool:
        """An old alert that joins a group within its group_wait ends the wait (below 0.30).

        In newer ones only the alert that begins the group does.
        """
        return self.numbers < (0, 30, 0)

    @property
    def keeps_empty_groups(self) -> bool:
        """An empty group stays until the next sweep, every 30 seconds (below 0.32).

        What comes back before that is told at the group's next group_interval, not after a
        group_wait.
        """
        return self.numbers < (0, 32, 0)

    @property
    def knows_one_source(self) -> bool:
        """Of several sources with the same `equal` labels only one is looked at.

        When that one ends, the others do not mute until they are sent again (0.30.0 to 0.34.0).
        """
        return (0, 30, 0) <= self.numbers < (0, 34, 1)

    @property
    def groups_by_nothing_inherit(self) -> bool:
        """`group_by: []` is taken for none given (below 0.31)."""
        return self.numbers < (0, 31, 0)

    @property
    def months_by_hours(self) -> bool:
        """A month in which clocks go forward has a day less (below 0.35)."""
        return self.numbers < (0, 35, 0)

    @property
    def weeks_wrap(self) -> bool:
        """`friday:monday` is a range of weekdays (since 0.35)."""
        return self.numbers >= (0, 35, 0)

    @property
    def waits_to_dispatch(self) -> bool:
        """It has the flag --dispatch.start-delay (since 0.30)."""
        return self.numbers >= (0, 30, 0)


def version(text: str) -> Version:
    """Read a version as Alertmanager says it: 0.25, 0.33.1, v0.35.0.

    Raises:
        ArgumentError: it is none, or one that the model does not know.

    """
    found = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+~].*)?", text)
    if not found:
        raise ArgumentError(f"{text!r} is no version of Alertmanager; write one like 0.33.1")
    numbers = (int(found[1]), int(found[2]), int(found[3] or 0))
    if not OLDEST <= numbers[:2] <= NEWEST:
        raise ArgumentError(f"Alertmanager {text} is not modelled; versions 0.25 to 0.35 are")
    return Version(numbers)
