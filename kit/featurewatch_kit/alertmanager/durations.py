"""Durations as Prometheus and Alertmanager write them, down to milliseconds."""

import re
from functools import lru_cache

_FORM = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?"
)
_MILLISECONDS = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1)
_UNITS = ("y", "w", "d", "h", "m", "s", "ms")


@lru_cache(maxsize=1_000)  # large trees say the same a thousand times
def seconds(text: str) -> float:
    """Seconds in a duration: 1h30m is 5400, 500ms is 0.5.

    Raises:
        ValueError: the text is none.

    """
    found = _FORM.fullmatch(text)
    if not found or not text:
        if text == "0":
            return 0.0
        raise ValueError(f"{text!r} is no duration; write one like 30s or 1h30m")
    counts = [int(count or 0) for count in found.groups()]
    return sum(n * unit for n, unit in zip(counts, _MILLISECONDS, strict=True)) / 1000


@lru_cache(maxsize=1_000)
def duration(seconds: float) -> str:
    """Seconds as a duration: 5400 is 1h30m."""
    rest, text = round(seconds * 1000), ""
    for unit, name in list(zip(_MILLISECONDS, _UNITS, strict=True))[2:]:
        count, rest = divmod(rest, unit)
        text += f"{count}{name}" if count else ""
    return text or "0s"
