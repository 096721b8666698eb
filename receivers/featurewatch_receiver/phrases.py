"""How times, values and plans are written on a page."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup

from featurewatch_receiver.labels import SEVERITIES

#: From the worst to the mildest.
RANKS = tuple(reversed(SEVERITIES))
# Of what the container may have.
_SHARES = ("cpu", "memory")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def moment(time: datetime | None) -> Markup:
    """A time as UTC; the page's script shows it as local time."""
    if time is None:
        return Markup("–")  # noqa: RUF001  # a dash in place of a time
    utc = time.astimezone(UTC)
    iso, shown = utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M:%S")
    # The style sheet leaves the zone out where the script shows local times, which are as wide.
    return Markup(
        '<time datetime="{}" title="{} UTC">{}<span class="utc"> UTC</span></time>'
    ).format(iso, shown, shown)


def span(time: timedelta | float | None) -> str:
    """A length of time, in the largest unit that says enough."""
    if time is None:
        return "–"  # noqa: RUF001
    total = int(time.total_seconds() if isinstance(time, timedelta) else time)
    for size, unit in _UNITS:
        if total >= size:
            count, rest = divmod(total, size)
            smaller = {86_400: f" {rest // 3_600} h", 3_600: f" {rest // 60} min"}.get(size, "")
            return f"{count} {unit}{smaller if not smaller.startswith(' 0') else ''}"
    return f"{max(total, 0)} s"


def amount(value: float, name: str) -> str:
    """A value with the unit that its name ends with."""
    if name.endswith("ratio") or name in _SHARES:
        return f"{value * 100:.4g} %"
    if name.endswith("seconds"):
        return f"{value * 1000:.4g} ms" if abs(value) < 1 else f"{value:.4g} s"
    return f"{value:.6g}"


def exact(number: float) -> str:
    """The shortest text that is read as this number again: 0.15, and 1 for 1.0."""
    return repr(float(number)).removesuffix(".0")


def spoken(word: str) -> str:
    """A word of the configuration as one reads it."""
    return word.replace("_", " ")


def plan(content: Mapping[str, Any] | None) -> str:
    """What a plan says, on one line."""
    return ", ".join(f"{name} {_part(value)}" for name, value in (content or {}).items())


def rank(severity: str | None) -> int:
    """The worst is 0; what has none of these severities comes last."""
    return RANKS.index(severity) if severity in RANKS else len(RANKS)


def _part(value: Any) -> str:
    if isinstance(value, Mapping):
        return "(" + plan(value) + ")"
    return "none" if value is None else str(value)


FILTERS = {
    "moment": moment,
    "span": span,
    "amount": amount,
    "spoken": spoken,
    "plan": plan,
}
