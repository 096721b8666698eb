"""What a check says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line for people: the file or key it is about, and a sentence that ends with the fix.

    A note is worth knowing and no fault.
    """

    place: str
    message: str
    note: bool = False

    def __str__(self) -> str:
        return f"{'note: ' if self.note else ''}{self.place}: {self.message}"


def listed(names: list[str], most: int = 3) -> str:
    """The names, the first of them if there are many."""
    unique = list(dict.fromkeys(names))
    rest = len(unique) - most
    return ", ".join(unique[:most]) + (f" and {rest} more" if rest > 0 else "")
