"""Label values: any object in, text that Prometheus accepts out, in a bounded number."""

from collections import Counter
from collections.abc import Iterable

from featurewatch.names import MAX_LABEL_VALUES, OTHER


def label_text(value: object) -> str:
    """Return *value* as label text; an empty one becomes ``unknown``.

    Lone surrogates are replaced: one of them in a label would fail every later scrape.
    """
    return str(value).encode("utf-8", "replace").decode() or "unknown"


def check_extractor(name: object) -> str:
    """Return *name* if it can be an extractor's label value.

    Raises ``ValueError`` if it is not a string, is empty, or cannot be written as UTF-8.
    """
    if not isinstance(name, str) or name != label_text(name):
        raise ValueError(f"extractor name must be text that is not empty, not {name!r}")
    return name


class CappedCounts:
    """Counts of events by one open label (error type, reason)."""

    def __init__(self) -> None:
        self.by_value: dict[str, float] = {}
        #: Events that were counted as ``OTHER`` in place of their own value.
        self.dropped: float = 0

    def add(self, values: Iterable[str]) -> None:
        """Count one event for each of *values*.

        After ``MAX_LABEL_VALUES`` different ones a new one counts as ``OTHER``.
        """
        for value, events in Counter(values).items():
            self.add_events(value, events)

    def add_events(self, value: str, events: float) -> None:
        """Count *events* for one value, likewise."""
        value = label_text(value)
        if value not in self.by_value and len(self.by_value) >= MAX_LABEL_VALUES:
            if value != OTHER:
                self.dropped += events
            value = OTHER
        self.by_value[value] = self.by_value.get(value, 0) + events
