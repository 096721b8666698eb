"""Reads the parts of a map's entry that are about tags."""

from featurewatch_exporter.configfile import Table
from featurewatch_exporter.rules import STAR, STATSD

_EXAMPLE = {"env": "prod"}


def read_tag(table: Table, path: str, kind: str) -> str:
    """Return the tag that has the value of the label, empty without one."""
    if "tag" not in table.data:
        return ""
    if kind != STATSD:
        table.fault("tag", f"only a source of type {STATSD} has tags; remove it")
    elif path.endswith(STAR):
        table.fault("tag", f"{STAR!r} is the label's value already; end the path before it")
    elif "label" not in table.data:
        table.fault("tag", "needs a label that it is the value of; write label")
    return table.text("tag", "error_type")


def read_tags(table: Table, kind: str) -> tuple[tuple[str, str], ...]:
    """Return the tags that a line must have to be meant."""
    if "tags" not in table.data:
        return ()
    if kind != STATSD:
        table.fault("tags", f"only a source of type {STATSD} has tags; remove them")
    tags = table.mapping("tags", _EXAMPLE)
    if not all(isinstance(value, str) for value in tags.values()):
        table.wrong("tags", "a mapping of names to texts", 'write for example {"env": "prod"}')
        return ()
    return tuple(tags.items())
