"""Foreign text on one line, safe for a terminal and a log."""

import json

_LONGEST = 200


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Return the text on one line of at most `longest` characters, without control characters."""
    if text.isprintable() and len(text) <= longest and "  " not in text and text == text.strip():
        return text
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(c if c.isprintable() else _escaped(c) for c in line)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def quoted(value: str) -> str:
    r"""Return a label's value in double quotes, with \" and \n and so on escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def without_nul(text: str) -> str:
    """Return the text as PostgreSQL can hold it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
