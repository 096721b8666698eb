"""What the two command lines share: errors in one line, and numbers with bounds."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Shows defaults in its help, and a wrong option as one line with exit code 2."""

    def __init__(self, prog: str, description: str) -> None:
        formatter = argparse.ArgumentDefaultsHelpFormatter
        super().__init__(prog=prog, description=description, formatter_class=formatter)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong without the usage."""
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def whole(low: int, high: int) -> Callable[[str], int]:
    """The type of a whole number from `low` to `high`."""

    def parse(word: str) -> int:
        if word.isdecimal() and low <= int(word) <= high:
            return int(word)
        raise argparse.ArgumentTypeError(f"{word!r} isn't a whole number from {low} to {high}")

    return parse


def positive(word: str) -> float:
    """The type of a finite number above 0."""
    if (number := _number(word)) > 0:
        return number
    raise argparse.ArgumentTypeError(f"{word!r} isn't a number above 0")


def zero_or_more(word: str) -> float:
    """The type of a finite number of at least 0."""
    if (number := _number(word)) >= 0:
        return number
    raise argparse.ArgumentTypeError(f"{word!r} isn't a number of at least 0")


def _number(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
