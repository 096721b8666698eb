"""Pages of long lists, newest first, however long the list and whatever is added meanwhile.

A page begins after the last row of the one before, which a cursor names by its time and id; so a
page costs the same wherever it is, and what is added later comes before the first page.
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, or_

from featurewatch_receiver.errors import CursorError

Key = Column[Any]
_BIGINT = 1 << 63


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The last row of a page, and since when the list was asked for."""

    at: datetime
    id: str | int
    since: datetime

    def __str__(self) -> str:
        words = json.dumps([self.at.isoformat(), self.id, self.since.isoformat()])
        return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, kind: type[str] | type[int]) -> Self:
        """Read a cursor whose ids are of this kind.

        Raises:
            CursorError: it is none.

        """
        try:
            words = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            at, row_id, since = json.loads(words)
            if type(row_id) is not kind or not _is_plain(row_id):
                raise TypeError
            return cls(at=_utc(at), id=row_id, since=_utc(since))
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise CursorError("cursor: is none; send `next` of the page before") from error


def _is_plain(row_id: str | int) -> bool:
    """Whether every database can compare with it."""
    return row_id.isprintable() if isinstance(row_id, str) else 0 <= row_id < _BIGINT


def _utc(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("no zone")
    return time.astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Rows, and where the next page begins; None after the last."""

    rows: list[dict[str, Any]]
    next: str | None


@dataclass(frozen=True, kw_only=True)
class Order:
    """The columns that a list is ordered by: a time, and the row's id."""

    time: Key
    id: Key

    @property
    def kind(self) -> type[str] | type[int]:
        """What its ids are."""
        return str if self.id.type.python_type is str else int


def page(  # noqa: PLR0913  # all that makes a page, by name
    connection: Connection,
    query: Select[Any],
    order: Order,
    *,
    where: Iterable[ColumnElement[bool]],
    since: datetime,
    cursor: Cursor | None,
    limit: int,
) -> Page:
    """Read one page."""
    conditions = [*where, *([_after(order, cursor)] if cursor else [])]
    wanted = query.where(*conditions).order_by(order.time.desc(), order.id.desc()).limit(limit + 1)
    rows = [dict(row._mapping) for row in connection.execute(wanted)]
    if len(rows) <= limit:
        return Page(rows=rows, next=None)
    last = rows[limit - 1]
    following = Cursor(at=last[order.time.name], id=last[order.id.name], since=since)
    return Page(rows=rows[:limit], next=str(following))


def _after(order: Order, cursor: Cursor) -> ColumnElement[bool]:
    """Rows after the cursor's; the first condition is what an index can use."""
    same_time = and_(order.time == cursor.at, order.id < cursor.id)
    return and_(order.time <= cursor.at, or_(order.time < cursor.at, same_time))
