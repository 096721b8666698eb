"""Takes lines out of what container runtimes write around them."""

import json
import re
from collections.abc import Callable

from featurewatch_exporter.tail import MAX_LINE

#: Formats of a file of lines, as the configuration names them.
PLAIN, DOCKER, CRI = "json", "docker", "cri"
_CRI = re.compile(rb"\S+ (stdout|stderr) ([FP])(?::\S*)? ?(.*)", re.DOTALL)


class Unwrapper:
    """Joins the pieces into which a runtime cuts long lines. It has one line at a time."""

    def __init__(self, form: str, pending: dict[str, str] | None = None) -> None:
        self._pieces: Callable[[bytes], tuple[str, str, bool]] = {
            DOCKER: _docker_piece,
            CRI: _cri_piece,
        }[form]
        #: The pieces of each stream's last line, whose end has not come.
        self.pending = pending or {}

    def line(self, wrapped: bytes) -> bytes:
        """Return the line of which *wrapped* is the end, empty if it is not the end.

        Raises ``ValueError`` with what is wrong.
        """
        stream, piece, ends = self._pieces(wrapped)
        text = self.pending.pop(stream, "") + piece
        if len(text) > MAX_LINE:
            raise ValueError(f"hold more than {MAX_LINE} bytes")
        if ends:
            return text.encode(errors="replace")
        self.pending[stream] = text
        return b""


def _docker_piece(wrapped: bytes) -> tuple[str, str, bool]:
    try:
        record = json.loads(wrapped)
        stream, text = str(record["stream"]), record["log"]
        return stream, text, text.endswith("\n")
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise ValueError("are not as Docker's json-file driver writes them") from error


def _cri_piece(wrapped: bytes) -> tuple[str, str, bool]:
    found = _CRI.fullmatch(wrapped)
    if not found:
        raise ValueError("are not as container runtimes write them (CRI)")
    return found[1].decode(), found[3].decode(errors="replace"), found[2] == b"F"
