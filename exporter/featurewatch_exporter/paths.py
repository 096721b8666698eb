"""Paths into JSON: ``stats.errors.*``, ``models[name=resnet].count``, ``[0]["a.b"]``."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

#: Every name, whose text is the label's value.
STAR = "*"
_EXAMPLE = 'stats.errors.*, models[name=resnet].count or workers[0]["queue.size"]'
_NAME = r"[^][.]+"
_FIELD = r'[^][."=,]+'
_VALUE = r'"(?:[^"\\]|\\.)*"|[^]",]+'
_CONDITION = rf"({_FIELD}(?:\.{_FIELD})*)=({_VALUE})"
_STEP = re.compile(
    rf"""(?:^|(?<=.)\.)(?P<name>{_NAME}(?:\.{_NAME})*)"""
    rf"""|\[(?:(?P<index>-?\d+|\*)|(?P<key>"(?:[^"\\]|\\.)*")"""
    rf"""|(?P<where>{_CONDITION}(?:,{_CONDITION})*))\]"""
)

#: A value, and the text that a star stood for on the way to it.
Found = tuple[str | None, object]


@dataclass(frozen=True)
class _Names:
    """Names joined by dots. A key may hold dots itself, so that it takes several of them."""

    names: tuple[str, ...]

    def find(self, tree: object) -> Iterator[tuple[str | None, object, tuple["_Names", ...]]]:
        if not isinstance(tree, Mapping):
            return
        for end in range(len(self.names), 0, -1):
            rest = (_Names(self.names[end:]),) if end < len(self.names) else ()
            for label, value in _matching(tree, self.names[:end]):
                yield label, value, rest


@dataclass(frozen=True)
class _Key:
    """One key as it stands."""

    key: str

    def find(self, tree: object) -> Iterator[tuple[str | None, object, tuple["_Names", ...]]]:
        if isinstance(tree, Mapping) and self.key in tree:
            yield None, tree[self.key], ()


@dataclass(frozen=True)
class _Index:
    """One element of an array, or each."""

    index: int | None

    def find(self, tree: object) -> Iterator[tuple[str | None, object, tuple["_Names", ...]]]:
        if not isinstance(tree, list):
            return
        if self.index is None:
            yield from ((None, element, ()) for element in tree)
        elif -len(tree) <= self.index < len(tree):
            yield None, tree[self.index], ()


@dataclass(frozen=True)
class _Where:
    """The elements of an array whose fields have these values."""

    conditions: tuple[tuple["JsonPath", str], ...]

    def find(self, tree: object) -> Iterator[tuple[str | None, object, tuple["_Names", ...]]]:
        for element in tree if isinstance(tree, list) else ():
            label = None
            for path, wanted in self.conditions:
                text = _text(next((value for _, value in path.find(element)), None))
                if text is None or wanted not in (STAR, text):
                    break
                label = text if wanted == STAR else label
            else:
                yield label, element, ()


_AnyStep = _Names | _Key | _Index | _Where


@dataclass(frozen=True)
class JsonPath:
    """A path that was read; :func:`json_path` makes it."""

    steps: tuple[_AnyStep, ...]
    #: Whether it stands for several fields, whose names are the label's values.
    starred: bool

    @property
    def above(self) -> "JsonPath":
        """The path of what the star stands for the fields of, as far as that is one thing."""
        before = next((n for n, step in enumerate(self.steps) if _stars(step)), len(self.steps))
        last = self.steps[-1]
        if before < len(self.steps) - 1 or not isinstance(last, _Names) or last.names[-1] != STAR:
            return JsonPath(self.steps[:before], starred=False)
        names = (_Names(last.names[:-1]),) if len(last.names) > 1 else ()
        return JsonPath((*self.steps[:before], *names), starred=False)

    @property
    def key(self) -> str | None:
        """The path, if it is one name."""
        step = self.steps[0]
        if isinstance(step, _Names) and (self.steps, self.starred) == (
            (_Names(step.names[:1]),),
            False,
        ):
            return step.names[0]
        return None

    def find(self, tree: object) -> Iterator[Found]:
        """Yield what stands there: nothing or one value, unless the path is for several."""
        return _walk(tree, self.steps, None)


@cache  # of a configuration, and so bounded
def json_path(text: str) -> JsonPath:
    """Return the path that *text* says; raise ``ValueError`` with the fix if it says none."""
    steps: list[_AnyStep] = []
    end = 0
    while end < len(text) or not steps:
        found = _STEP.match(text, end)
        if not found:
            raise ValueError(f"is no path from {text[end:]!r} on; write for example {_EXAMPLE}")
        steps.append(_step(found))
        end = found.end()
    stars = sum(map(_stars, steps))
    if stars > 1:
        raise ValueError(f"has {stars} stars, and a label has one value; keep one, or write [*]")
    return JsonPath(tuple(steps), starred=stars > 0)


def _step(found: re.Match[str]) -> _AnyStep:
    if found["name"]:
        return _Names(tuple(found["name"].split(".")))
    if found["key"]:
        return _Key(_unquoted(found["key"]))
    if found["index"]:
        return _Index(None if found["index"] == STAR else int(found["index"]))
    conditions = re.findall(_CONDITION, found["where"])
    return _Where(tuple((json_path(key), _unquoted(value)) for key, value in conditions))


def _unquoted(text: str) -> str:
    return str(json.loads(text)) if text.startswith('"') else text


def _stars(step: _AnyStep) -> int:
    if isinstance(step, _Names):
        return step.names.count(STAR)
    return sum(v == STAR for _, v in step.conditions) if isinstance(step, _Where) else 0


def _walk(tree: object, steps: tuple[_AnyStep, ...], label: str | None) -> Iterator[Found]:
    if not steps:
        yield label, tree
        return
    for text, value, rest in steps[0].find(tree):
        found = list(_walk(value, (*rest, *steps[1:]), label if text is None else text))
        yield from found
        if found and isinstance(steps[0], _Names) and not _stars(steps[0]):
            return  # the longest key is the one that was meant


def _matching(tree: Mapping[str, object], names: tuple[str, ...]) -> Iterator[Found]:
    """Yield what has the key that *names* make together, a star being any text."""
    if STAR not in names:
        if (key := ".".join(names)) in tree:
            yield None, tree[key]
        return
    form = _form(names)
    for key, value in tree.items():
        if found := form.fullmatch(key):
            yield found[1], value


@cache
def _form(names: tuple[str, ...]) -> re.Pattern[str]:
    parts = ("(.+)" if name == STAR else re.escape(name) for name in names)
    return re.compile(r"\.".join(parts), re.DOTALL)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None
