"""What Alertmanager says anew of an episode: who has it, and what mutes it.

One row when it begins, and one when it ends; the episode's columns tell only what holds now.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from featurewatch_receiver.states import What
from featurewatch_receiver.store.schema import changes

Row = dict[str, Any]
# What is done here notes its end by our clock, and Alertmanager tells it by its own, rounded.
_SAME_END = timedelta(minutes=1)


#: What people do here is an act, which begins this; by its name in the table of acts.
BEGINS = {
    "acknowledge": What.ACKNOWLEDGED,
    "resolve": What.RESOLVED,
    "silence": What.SILENCED,
}


def standing(episode: Mapping[str, Any]) -> dict[What, Row]:
    """What the columns of an episode say, each by what will tell its end."""
    done = bool(episode["resolved_by"])
    found = {
        What.ACKNOWLEDGEMENT_ENDED: _begun(
            What.RESOLVED if done else What.ACKNOWLEDGED, "acknowledged", episode
        ),
        What.SILENCE_ENDED: _begun(What.SILENCED, "silenced", episode),
        What.INHIBITION_ENDED: {
            "what": What.INHIBITED,
            "at": episode["inhibited_at"],
            "inhibited_by": episode["inhibited_by"],
        },
    }
    return {end: row for end, row in found.items() if row["at"]}


def between(before: Mapping[str, Any], after: Mapping[str, Any], now: datetime) -> Iterator[Row]:
    """What began and ended from one state of an episode's columns to the next."""
    was, holds = standing(before), standing(after)
    for end, row in was.items():
        if end not in holds:
            yield {**row, "what": end, "at": now}
    for end, row in holds.items():
        earlier = was.get(end)
        if earlier is None:
            yield row
        elif not _same(earlier, row):
            yield {**row, "at": now if row["at"] == earlier["at"] else row["at"]}


def write(connection: Connection, rows: list[Row]) -> None:
    """Store the rows."""
    names = [column.name for column in changes.c if not column.primary_key]
    if rows:
        connection.execute(insert(changes), [dict.fromkeys(names) | row for row in rows])


def untold(rows: list[Row], deeds: list[Row]) -> list[Row]:
    """Those that no deed tells: what an interrupted act has begun is found like any other."""
    left = [deed for deed in deeds if deed["detail"] is None]
    told = {(BEGINS.get(deed["act"]), deed["actor"], deed["reason"]) for deed in left}
    return [row for row in rows if (row["what"], row["person"], row["reason"]) not in told]


def _begun(what: What, side: str, episode: Mapping[str, Any]) -> Row:
    return {
        "what": what,
        "at": episode[f"{side}_at"],
        "person": episode[f"{side}_by"],
        "until": episode[f"{side}_until"],
        "reason": episode[f"{side}_reason"],
    }


def _same(one: Row, other: Row) -> bool:
    """Whether both say the same, whenever they were found."""
    plain = [{n: v for n, v in row.items() if n not in ("at", "until")} for row in (one, other)]
    until, then = one.get("until"), other.get("until")
    is_close = until is None or then is None or abs(until - then) < _SAME_END
    return plain[0] == plain[1] and is_close
