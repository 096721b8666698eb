"""Numbers as people say them."""

#: From there on minutes say it shorter.
LONG_SECONDS = 180


def duration(seconds: float) -> str:
    """In seconds, or minutes if they are many."""
    return f"{seconds:.0f} s" if seconds < LONG_SECONDS else f"{seconds / 60:.1f} min"


def number(value: float) -> str:
    """With as many digits as matter."""
    return f"{value:.0f}" if value >= 10 or value == 0 else f"{value:.2g}"
