"""Label sets: their identity, their order, and how Alertmanager writes them."""

from collections.abc import Iterable, Mapping

Labels = Mapping[str, str]
#: Labels in the order of their names: equal and hashable, as Alertmanager's fingerprint is.
LabelSet = tuple[tuple[str, str], ...]


def label_set(labels: Labels) -> LabelSet:
    """The labels as an identity; Alertmanager drops those with an empty value."""
    return tuple(sorted([pair for pair in labels.items() if pair[1]]))


def written(labels: LabelSet) -> str:
    """As in a group's key: `{alertname="Slow", team="a"}`."""
    return "{" + ", ".join(f"{name}={quoted(value)}" for name, value in labels) + "}"


def quoted(text: str) -> str:
    """Text in double quotes, escaped as Go does."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped.replace(chr(9), chr(92) + "t")}"'


def chosen(labels: LabelSet, names: Iterable[str] | None) -> LabelSet:
    """Those of these names; all for None."""
    if names is None:
        return labels
    return tuple(pair for pair in labels if pair[0] in names)


def compare(one: LabelSet, other: LabelSet) -> int:
    """Below 0 if Alertmanager lists the first before the second within one message.

    By job, then by instance, and who has none comes last; then the fewer labels first, and of the
    first label in which they differ, who lacks it or has the lower value.
    """
    return _by_place(dict(one), dict(other)) or _by_labels(one, other)


def _by_place(one: Labels, other: Labels) -> int:
    for name in ("job", "instance"):
        first, second = one.get(name), other.get(name)
        if first != second:
            return -1 if second is None or (first is not None and first < second) else 1
    return 0


def _by_labels(one: LabelSet, other: LabelSet) -> int:
    if len(one) != len(other):
        return len(one) - len(other)
    for (name, value), (other_name, other_value) in zip(one, other, strict=True):
        if name != other_name:
            return -1 if name > other_name else 1
        if value != other_value:
            return -1 if value < other_value else 1
    return 0
