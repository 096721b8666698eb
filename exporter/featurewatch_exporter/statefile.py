"""The file in which places are kept, so that a restart goes on where the last run ended."""

import json
import os
from pathlib import Path
from threading import Lock
from typing import Any

from featurewatch_exporter.errors import ExporterError

#: What this file's form is called; another one is not read.
_FORM = 1


class StateFile:
    """Keeps a JSON object for each of several sources.

    Raises :class:`ExporterError` for a file that can't be read or written, or holds something
    else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._sources: dict[str, dict[str, Any]] = _read(path)
        try:
            self._write()
        except OSError as error:
            fix = "create its folder, and let the exporter write there"
            raise ExporterError(f"{path}: can't be written ({error.strerror}); {fix}") from error

    def of(self, source: str) -> dict[str, Any] | None:
        """Return what is kept for *source*."""
        return self._sources.get(source)

    def keep(self, source: str, state: dict[str, Any]) -> None:
        """Keep *state* for *source*; raise ``OSError`` if it can't be written."""
        with self._lock:
            if self._sources.get(source) != state:
                self._sources[source] = state
                self._write()

    def refuse(self) -> ExporterError:
        """Return what to say of a file that holds something else."""
        return _no_state(self._path)

    def _write(self) -> None:
        """Replace the file as a whole: whoever reads it finds the old or the new one."""
        new = self._path.with_name(self._path.name + ".new")
        text = json.dumps({"form": _FORM, "sources": self._sources})
        # What services log in unfinished lines is nobody else's.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
        new.replace(self._path)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        fix = "choose another file, or let the exporter read it"
        raise ExporterError(f"{path}: can't be read ({error.strerror}); {fix}") from error
    except (ValueError, RecursionError) as error:
        raise _no_state(path) from error
    sources = data.get("sources") if isinstance(data, dict) and data.get("form") == _FORM else None
    if not isinstance(sources, dict) or not all(isinstance(s, dict) for s in sources.values()):
        raise _no_state(path)
    return sources


def _no_state(path: Path) -> ExporterError:
    fix = "remove it, and what was written meanwhile is not read"
    return ExporterError(f"{path}: holds something else than the exporter's state; {fix}")
