"""Reads a JSON or TOML file, and collects what is wrong with its values."""

import difflib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from featurewatch_exporter.errors import ConfigError


class _TwiceError(ValueError):
    pass


def read(file: Path) -> dict[str, Any]:
    """Return the mapping in *file*, which is TOML if its name says so and JSON otherwise.

    Raises :class:`ConfigError` for a file that can't be read or holds something else.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(text) if file.suffix == ".toml" else _json(text)
    except OSError as error:
        raise ConfigError([f"{file}: can't be read ({error.strerror}); check the path"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: not UTF-8 text; save it as UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file}: not TOML ({error}); fix the syntax"]) from error
    except json.JSONDecodeError as error:
        raise ConfigError([_not_json(file, error)]) from error
    except _TwiceError as error:
        raise ConfigError([f"{file}: {error}: written twice; keep one of the two"]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{file}: can't be read ({error}); fix the syntax"]) from error
    if not isinstance(data, dict):
        raise ConfigError([f'{file}: not a mapping; write {{"sources": [...]}}'])
    return data


def _json(text: str) -> object:
    return json.loads(text, object_pairs_hook=_without_doubles)


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _TwiceError(json.dumps(key))
        seen.add(key)
    return dict(pairs)


def _not_json(file: Path, error: json.JSONDecodeError) -> str:
    hint = "" if file.suffix == ".json" else ", or name the file .toml"
    return f"{file}:{error.lineno}: not JSON ({error.msg}); fix the syntax{hint}"


class Table:
    """One mapping of the file; what is wrong with it is added to *faults*."""

    def __init__(self, data: Mapping[str, Any], place: str, faults: list[str]) -> None:
        self.data = data
        self.place = place
        self.faults = faults

    def fault(self, key: str, message: str) -> None:
        """Note that *key* has a fault; *message* ends with the fix."""
        self.faults.append(f"{self.at(key)}: {message}")

    def at(self, key: str) -> str:
        """Return the place of *key*, as faults name it."""
        return f"{self.place}.{key}" if self.place else key

    def wrong(self, key: str, must: str, fix: str) -> None:
        """Note that the value of *key* is not what it *must* be, and show it."""
        self.fault(key, f"must be {must} (here: {shown(self.data[key])}); {fix}")

    def text(self, key: str, example: str, default: str | None = None) -> str:
        """Return a text that is not empty."""
        value = self._value(key, example, default)
        if value is not None and (not isinstance(value, str) or not value):
            self.wrong(key, "text that is not empty", _for_example(key, example))
            value = None
        return value or ""

    def number(
        self, key: str, default: float | None, *, low: float, high: float, example: float
    ) -> float:
        """Return a number from *low* to *high*, or *default*, or NaN after a fault."""
        if key not in self.data and default is not None:
            return default
        value = self._value(key, example, None)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(key, "a number", _for_example(key, example))
        elif not low <= value <= high:
            self.wrong(key, f"from {low:g} to {high:g}", _for_example(key, example))
        else:
            return float(value)
        return math.nan

    def flag(self, key: str) -> bool:
        """Return true or false, which is the default."""
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "true or false", _for_example(key, True))
        return value is True

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return one of *choices*, or an empty text after a fault."""
        value = self._value(key, choices[0], default)
        if value is None or value in choices:
            return value or ""
        close = difflib.get_close_matches(str(value), choices, n=1) or choices
        self.wrong(key, f"one of {', '.join(choices)}", f"write {shown(close[0])}")
        return ""

    def mapping(self, key: str, example: object) -> dict[str, Any]:
        """Return a mapping, empty after a fault."""
        value = self._value(key, example, None)
        if value is not None and (not isinstance(value, dict) or not value):
            self.wrong(key, "a mapping that is not empty", _for_example(key, example))
            value = None
        return value or {}

    def tables(self, key: str, example: object) -> list["Table"]:
        """Return the mappings of a list."""
        value = self._value(key, example, None)
        if value is None:
            return []
        if not isinstance(value, list) or not value:
            self.wrong(key, "a list that is not empty", _for_example(key, example))
            return []
        found = []
        for index, item in enumerate(value):
            place = f"{self.at(key)}[{index}]"
            if isinstance(item, dict):
                found.append(Table(item, place, self.faults))
            else:
                self.faults.append(f"{place}: must be a mapping (here: {shown(item)}); write one")
        return found

    def check_keys(self, known: Sequence[str]) -> None:
        """Note every key that is not *known*."""
        for key in self.data:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                fix = f"write {close[0]!r}" if close else f"the keys here are {', '.join(known)}"
                self.fault(key, f"unknown key; {fix}")

    def _value(self, key: str, example: object, default: object) -> Any:
        if key not in self.data and default is None:
            self.fault(key, f"is missing; {_for_example(key, example)}")
        return self.data.get(key, default)


def shown(value: object, limit: int = 60) -> str:
    """Return *value* as it stands in JSON, cut."""
    text = json.dumps(value, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _for_example(key: str, example: object) -> str:
    return f"write for example {json.dumps(key)}: {json.dumps(example)}"
