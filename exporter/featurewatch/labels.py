"""Label values: any object in, text that Prometheus accepts out, in a bounded number."""

from threading import Lock

from prometheus_client import Counter

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


class CountedBy:
    """A counter by one open label (error type, reason) of one extractor."""

    def __init__(self, family: Counter, extractor: str) -> None:
        self._family = family
        self._extractor = extractor
        self._children: dict[str, Counter] = {}
        self._lock = Lock()

    def inc(self, value: str) -> None:
        """Count one *value*, or one ``OTHER`` after ``MAX_LABEL_VALUES`` different ones."""
        child = self._children.get(value)
        if child is None:
            child = self._new_child(value)
        child.inc()

    def _new_child(self, value: str) -> Counter:
        with self._lock:
            if value not in self._children and len(self._children) >= MAX_LABEL_VALUES:
                value = OTHER
            if value not in self._children:
                self._children[value] = self._family.labels(self._extractor, value)
            return self._children[value]
