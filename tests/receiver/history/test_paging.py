"""What a page of a long history costs."""

from datetime import timedelta
from typing import Any

from sqlalchemy import event

from featurewatch_receiver.store import schema
from receiver.api import Api
from receiver.in_process import Receiver
from receiver.payloads import T0
from receiver.web.test_reads import ids, row, store


def test_a_page_deep_in_a_long_history_reads_no_more_than_the_first(receiver: Receiver) -> None:
    rows = [row(n, T0 - timedelta(seconds=n), resolved_at=T0) for n in range(3000)]
    store(receiver, schema.episodes, *rows)
    api = Api(receiver)
    cursor = api.read("/episodes", limit=1000)["next"]
    asked: list[tuple[str, Any]] = []

    def keep(_: Any, __: Any, statement: str, parameters: Any, *more: Any) -> None:
        asked.append((statement, parameters))

    event.listen(receiver.core.reader, "before_cursor_execute", keep)
    answer = api.read("/episodes", limit=10, cursor=cursor)
    event.remove(receiver.core.reader, "before_cursor_execute", keep)
    assert ids(answer) == [f"{n:06}" for n in range(1000, 1010)]
    statement, parameters = next(each for each in asked if "FROM episodes" in each[0])
    with receiver.core.reader.begin() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert "USING INDEX episodes_by_start (started_at<?)" in str(plan)
