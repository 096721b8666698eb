"""Alertmanager's label matchers."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from featurewatch_kit.errors import GenerationError

Labels = Mapping[str, str]
_FORM = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"\s]*)\s*')
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


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
        return bool(re.fullmatch(self.value, found)) == (self.operator == "=~")

    def values(self) -> list[str]:
        """Values that it names: its own, or the plain alternatives of its regular expression."""
        if self.operator in ("=", "!="):
            return [self.value]
        return [word for word in self.value.split("|") if re.escape(word) == word]

    def __str__(self) -> str:
        return f'{self.label}{self.operator}"{self.value}"'


def parse(text: str) -> Matcher:
    """Read one entry of a list of matchers.

    Raises:
        GenerationError: it is none.

    """
    found = _FORM.fullmatch(text)
    if not found:
        raise GenerationError(f"{text!r} is no matcher of Alertmanager; write 'label=\"value\"'")
    label, operator, value = found.groups()
    if value.startswith('"'):
        value = re.sub(r'\\[n"\\]', lambda escape: _ESCAPES[escape[0]], value[1:-1])
    return Matcher(label, operator, value)


def parse_all(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Read a list of matchers."""
    return tuple(parse(text) for text in texts)


def match(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether the labels fulfil all of them."""
    return all(matcher.matches(labels) for matcher in matchers)
