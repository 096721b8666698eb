"""A runbook's Markdown as HTML: headings, lists, bold, code. Whatever else it holds stays text."""

import re
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup, escape

_MARKS = re.compile(r"\*\*(?P<bold>[^*]+)\*\*|`(?P<code>[^`]+)`")
_TAGS = {
    "p": Markup("<p>{}</p>"),
    "h4": Markup("<h4>{}</h4>"),
    "ol": Markup("<ol>{}</ol>"),
    "ul": Markup("<ul>{}</ul>"),
    "li": Markup("<li>{}</li>"),
    "b": Markup("<b>{}</b>"),
    "code": Markup("<code>{}</code>"),
    "pre": Markup("<pre>{}</pre>"),
}
_FENCE = re.compile(r"^```.*$", re.MULTILINE)
_ITEM = re.compile(r"(?P<kind>\d+\.|[-*]) +(?P<text>.*)")


def as_html(text: str | None) -> Markup | None:
    """The section without its own heading; None for none."""
    if text is None:
        return None
    parts = _FENCE.split(text.partition("\n")[2].strip())
    made = (_code(part) if n % 2 else _prose(part) for n, part in enumerate(parts))
    return Markup("\n").join(made)


def _code(text: str) -> Markup:
    return _TAGS["pre"].format(text.strip("\n"))


def _prose(text: str) -> Markup:
    blocks = re.split(r"\n{2,}", text.strip())
    return Markup("\n").join(part for block in blocks for part in _block(block))


def _block(block: str) -> Iterator[Markup]:
    for kind, lines in groupby(_joined(block), key=_kind):
        texts = [_inline(line.lstrip("#") if kind == "h4" else _item(line)) for line in lines]
        if kind in ("ol", "ul"):
            items = Markup("").join(_TAGS["li"].format(text) for text in texts)
            yield _TAGS[kind].format(items)
        else:
            yield from (_TAGS[kind].format(text) for text in texts)


def _joined(block: str) -> Iterator[str]:
    """Lines, each with those that only go on from it."""
    lines: list[str] = []
    for line in block.splitlines():
        if lines and not _ITEM.match(line) and not line.startswith("#"):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    yield from lines


def _kind(line: str) -> str:
    found = _ITEM.match(line)
    if found:
        return "ol" if found["kind"][0].isdigit() else "ul"
    return "h4" if line.startswith("#") else "p"


def _item(line: str) -> str:
    found = _ITEM.match(line)
    return found["text"] if found else line


def _inline(text: str) -> Markup:
    made, done = Markup(""), 0
    for found in _MARKS.finditer(text):
        tag = "b" if found["bold"] else "code"
        made += escape(text[done : found.start()])
        made += _TAGS[tag].format(found["bold"] or found["code"])
        done = found.end()
    return made + escape(text[done:])
