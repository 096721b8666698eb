"""The history as a file: every page of it, written as it is read."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from featurewatch_receiver.web import reads, responses
from featurewatch_receiver.web.calls import Asked

_ROWS = 500
_EPISODE = TypeAdapter(responses.EpisodeResponse)
_COLUMNS = (
    "id",
    "alertname",
    "extractor",
    "severity",
    "status",
    "escalation_level",
    "started_at",
    "resolved_at",
    "acknowledged_at",
    "acknowledged_by",
    "acknowledged_until",
    "acknowledged_reason",
    "silenced_at",
    "silenced_by",
    "silenced_until",
    "silenced_reason",
    "inhibited_at",
    "resolved_by",
    "resolved_reason",
)
_NOTES = ("summary", "description", "value", "threshold")
# A spreadsheet would take what begins so for a formula (the last four are full-width), also after
# what separates cells where the decimal point is a comma.
_FORMULA = re.compile(
    "^([=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20])|(?<=;)(\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20])"
)


def as_json(asked: Asked) -> Iterator[str]:
    """The episodes as the API tells them, in one document."""
    yield '{"episodes": ['
    for number, row in enumerate(_rows(asked)):
        yield (",\n" if number else "\n") + json.dumps(row, ensure_ascii=False)
    yield "\n]}\n"


def as_csv(asked: Asked) -> Iterator[str]:
    """One line for each episode."""
    yield _line([*_COLUMNS, *_NOTES, "labels", "remediations"])
    for row in _rows(asked):
        notes = [row["annotations"].get(name, "") for name in _NOTES]
        done = "; ".join(f"{r['action']}: {r['state']}" for r in row["remediations"])
        labels = json.dumps(row["labels"], ensure_ascii=False, sort_keys=True)
        yield _line([*(row[name] for name in _COLUMNS), *notes, labels, done])


def _rows(asked: Asked) -> Iterator[dict[str, Any]]:
    cursor = asked.query.cursor
    while True:
        query = asked.query.model_copy(update={"cursor": cursor, "limit": _ROWS})
        found = reads.get_episodes(replace(asked, query=query))
        for row in found["episodes"]:
            yield _EPISODE.dump_python(_EPISODE.validate_python(row), mode="json")
        cursor = found["next"]
        if cursor is None:
            return


def _line(values: list[Any]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([_cell(value) for value in values])
    return written.getvalue()


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return _FORMULA.sub(r"'\g<0>", text)
