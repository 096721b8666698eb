"""Alertmanager's label matchers."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from featurewatch_kit.alertmanager.labels import Labels, quoted
from featurewatch_kit.errors import GenerationError

_FORM = re.compile(
    r'\s*(?:([a-zA-Z_:][a-zA-Z0-9_:]*)|"((?:[^"\\]|\\.)+)")\s*(=~|!~|!=|=)\s*(.*?)\s*', re.DOTALL
)
#: In the order in which Alertmanager sorts matchers.
OPERATORS = ("=", "!=", "=~", "!~")
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


@dataclass(frozen=True)
class Matcher:
    """One condition on one label; a missing label is an empty one."""

    label: str
    operator: str
    value: str

    def matches(self, labels: Labels) -> bool:
        """Whether the labels fulfil it. Regular expressions are anchored at both ends."""
        found = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (found == self.value) == (self.operator == "=")
        return bool(regex(self.value).fullmatch(found)) == (self.operator == "=~")

    def values(self) -> list[str]:
        """Values that it names: its own, or the plain alternatives of its regular expression."""
        if self.operator in ("=", "!="):
            return [self.value]
        return [word for word in self.value.split("|") if re.escape(word) == word]

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{quoted(self.value)}"


@lru_cache(maxsize=10_000)
def regex(text: str) -> re.Pattern[str]:
    r"""A regular expression of Go's, as Python's.

    Both mean the same but for classes like [[:alpha:]], `\z`, and `\d`, `\w` and `\s`, which know
    ASCII alone.

    Raises:
        GenerationError: it is none.

    """
    pattern = re.sub(r"\[:(\w+):\]", lambda found: _CLASSES.get(found[1], found[0]), text)
    try:
        return re.compile(pattern.replace(r"\z", r"\Z"), re.ASCII)
    except re.error as error:
        raise GenerationError(f"{text!r} is no regular expression: {error}") from error


def parse(text: str) -> Matcher:
    """Read one matcher.

    Raises:
        GenerationError: it is none.

    """
    found = _FORM.fullmatch(text)
    value = _value(found[4]) if found else None
    if not found or value is None:
        raise GenerationError(f"{text!r} is no matcher of Alertmanager; write 'label=\"value\"'")
    matcher = Matcher(found[1] or found[2], found[3], value)
    if matcher.operator in ("=~", "!~"):
        regex(value)
    return matcher


def _value(text: str) -> str | None:
    """What stands right of the operator, without its quotes; None if they do not fit."""
    begins = text.startswith('"')
    inner = text[1:-1] if begins else text
    ends = len(text) > 1 and text.endswith('"')
    if begins != ends or re.search(r'(?<!\\)(?:\\\\)*"', inner):
        return None
    return re.sub(r'\\[n"\\]', lambda escape: _ESCAPES[escape[0]], inner)


@lru_cache(maxsize=10_000)
def parse_entry(text: str) -> tuple[Matcher, ...]:
    """Read one entry of a list of matchers: several with commas and in braces may stand in it.

    Raises:
        GenerationError: it is none.

    """
    inner = text.removeprefix("{").removesuffix("}")
    words = re.findall(r'(?:[^,"\\]|\\.|"(?:[^"\\]|\\.)*"|["\\])+', inner, re.DOTALL)
    return tuple(parse(word) for word in words if word.strip())


def parse_all(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Read a list of matchers."""
    return tuple(matcher for text in texts for matcher in parse_entry(text))


def read_matchers(node: Mapping[str, Any], prefix: str = "") -> tuple[Matcher, ...]:
    """Those of a route, or of one side of an inhibition (`source_`, `target_`), old ones too.

    Raises:
        GenerationError: one of them is none.

    """
    equal = [Matcher(*pair) for pair in _old(node, prefix + "match", "=")]
    # An old regular expression keeps its anchors, also in the key of a route.
    like = [
        Matcher(label, operator, f"^(?:{value})$")
        for label, operator, value in _old(node, prefix + "match_re", "=~")
    ]
    for matcher in like:
        regex(matcher.value)
    return (*equal, *like, *parse_all(node.get(f"{prefix}matchers") or []))


def _old(node: Mapping[str, Any], key: str, operator: str) -> list[tuple[str, str, str]]:
    return [(label, operator, str(value)) for label, value in (node.get(key) or {}).items()]


def match(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether the labels fulfil all of them."""
    return all(matcher.matches(labels) for matcher in matchers)


def written(matchers: Iterable[Matcher]) -> str:
    """As in the key of a route: sorted, `{severity="high",team=~"a|b"}`."""
    ordered = sorted(matchers, key=lambda m: (m.label, m.value, OPERATORS.index(m.operator)))
    return "{" + ",".join(map(str, ordered)) + "}"
