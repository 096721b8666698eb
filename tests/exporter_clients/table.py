"""The table of docs/exporter.md that says what clients sent and what was counted."""

import re
from pathlib import Path

from .clients import Client
from .workload import Count

DOCUMENT = Path(__file__).parents[2] / "docs/exporter.md"
_HEAD = "| client | version | mode | sent | counted |\n|---|---|---|---|---|\n"
_TABLE = re.compile(re.escape(_HEAD) + r"((?:\|.*\|\n)*)")


def row(client: Client, sent: Count, counted: Count) -> tuple[str, ...]:
    """Return the cells of one client."""
    return (
        f"{client.name} ({client.language})",
        client.version,
        client.mode,
        str(sent),
        str(counted),
    )


def rows() -> list[tuple[str, ...]]:
    """Return the cells of the document."""
    found = _TABLE.search(DOCUMENT.read_text())
    assert found, "the document has no table of clients"
    return [tuple(line.strip("| ").split(" | ")) for line in found[1].splitlines()]


def write(table: list[tuple[str, ...]]) -> None:
    """Put *table* into the document."""
    lines = "".join(f"| {' | '.join(cells)} |\n" for cells in table)
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(_TABLE.sub(lambda _: _HEAD + lines, text))
