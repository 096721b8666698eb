"""What each act will do, said before it is done: one sentence for each line of its form."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from featurewatch_receiver.console.preview import preview
from featurewatch_receiver.console.words import plan, span, spoken
from featurewatch_receiver.records.told import reach_of_level
from featurewatch_receiver.web.calls import Asked

Json = dict[str, Any]


def acknowledge(asked: Asked, row: Json) -> Iterator[str]:
    """That levels above are held back, and who is thus not told."""
    level = row["escalation_level"]
    yield f"Level {level} has been told. The levels above it are held back until the alert ends."
    if row["next_level_at"]:
        left = max(row["next_level_at"] - asked.core.now(), timedelta())
        whom = reach_of_level(asked.core.config, row["labels"], level + 1)["recipients"]
        people = f" ({', '.join(spoken(name) for name in whom)})" if whom else ""
        yield f"Level {level + 1}, due in {span(left)}, will not be told{people}."
    yield "A worse severity of this alert is told all the same, and so is its end."
    if row["acknowledged_by"]:
        yield f"It replaces what {row['acknowledged_by']} said: {row['acknowledged_reason']}"


def unacknowledge(_: Asked, row: Json) -> Iterator[str]:
    """That it escalates again."""
    yield f"{row['acknowledged_by'] or 'Nobody'} has this alert. It will escalate again."
    yield "Levels whose time has passed are told at once."


def resolve(_: Asked, row: Json) -> Iterator[str]:
    """Whether it ends now or with its alert."""
    if any(alert["ends_at"] is None for alert in row["alerts"]):
        yield "It still fires: it escalates no further, and ends when its alert has ended."
    else:
        yield "It fires no more and waits only for a person: it ends now."


def silence(_: Asked, row: Json) -> Iterator[str]:
    """That nobody hears of it, and what it means."""
    yield "Nobody is told of this alert on any level, nor of its end, however bad it gets."
    yield "To stop only the escalation, acknowledge it instead."
    labels = ", ".join(f"{name}={value}" for name, value in row["labels"].items())
    yield f"It means this alert alone: {labels}"


def unsilence(_: Asked, row: Json) -> Iterator[str]:
    """That people are told again, and which silence stays."""
    yield f"{row['silenced_by'] or 'Nobody'} silenced this alert. People are told of it again."
    yield "A silence made elsewhere, which may be about more than this alert, ends in Alertmanager."


def run(asked: Asked, row: Json) -> Iterator[str]:
    """The plan, what holds it back, and how often it ran."""
    name = asked.body.get("action", "") if isinstance(asked.body, dict) else ""
    guard = row["actions"].get(name)
    if guard is None:
        return
    yield f"{name} runs on {row['extractor']} once, within the bounds of its target."
    yield preview(asked.core, name, row["extractor"])
    if blocked := guard["blocked_by_for_person"]:
        yield f"It would not run now: {spoken(blocked)} holds it back."
    else:
        yield "Nothing holds it back now. The target is looked at once more before it is touched."
    runs = f"{guard['runs_of_hour']} within the hour, {guard['runs_of_day']} within the day"
    yield f"It ran {runs}."


def approve(_: Asked, row: Json) -> Iterator[str]:
    """The plan that runs."""
    yield f"This plan runs: {plan(row['plan']) or 'nothing is planned'}"
    yield "All guards are asked again. If another plan would be made by now, that one waits."


def deny(_: Asked, row: Json) -> Iterator[str]:
    """The plan that is dropped."""
    yield f"This plan is dropped, and its target is not touched: {plan(row['plan'])}"


def cancel(_: Asked, row: Json) -> Iterator[str]:
    """Where it stops, and what stays."""
    yield f"It is {spoken(row['state'])}, and stops there."
    yield (
        "What its target was told already stays until its lease ends, if it has one;"
        " else look whether it has to be undone."
    )


def end_lease(_: Asked, row: Json) -> Iterator[str]:
    """What stays, and what it will not be taken back to."""
    yield f"{plan(row['changed_to'])} stays for good."
    yield f"It will not be taken back to {plan(row['back_to'])}."


def engage(_: Asked, row: Json) -> Iterator[str]:
    """What does not begin any more."""
    if row["engaged"]:
        yield "It is engaged already; nothing will change."
    yield "No action begins any more: no planned one, none that waits for approval, none by hand."
    yield "What runs already goes on; cancel it by itself."


def release(_: Asked, row: Json) -> Iterator[str]:
    """What begins again."""
    if not row["engaged"]:
        yield "It is released already; nothing will change."
    yield "Actions begin again, also for alerts that have fired meanwhile."
