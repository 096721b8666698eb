"""Reads layered YAML into a typed model and says where each fault stands.

Later files overlay earlier ones: mappings are merged key by key, everything else is replaced.
A fault is reported as ``file:line: key.path: what is wrong; what to write instead``.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml
from pydantic_core import ErrorDetails
from yaml.constructor import SafeConstructor

from featurewatch_receiver import pydantic_errors
from featurewatch_receiver.config.modelpath import examples, field_at
from featurewatch_receiver.config.values import CONTROLS
from featurewatch_receiver.errors import ConfigError

Model = TypeVar("Model", bound=pydantic.BaseModel)
KeyPath = tuple[str | int, ...]

# For faults in fields without an example.
_FIXES = {
    "dict_type": "write 'key: value' lines below it",
    "list_type": "write '- item' lines below it",
    "literal_error": "write one of these",
    "model_type": "write 'key: value' lines below it",
    "string_type": "write text, in quotes if it looks like something else",
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One fault: the key it is about, and a sentence that ends with the fix."""

    path: KeyPath
    message: str


@dataclass
class Document:
    """Merged YAML, and for each key the file and line that set it."""

    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, tuple[Path, int]] = field(default_factory=dict)

    def lines(self, problems: Iterable[Problem]) -> list[str]:
        """Each problem once, as one line for people, in the order of the files."""
        ordered = sorted(problems, key=lambda problem: self._place(problem.path))
        return list(dict.fromkeys(self._line(problem) for problem in ordered))

    def where(self, path: KeyPath) -> str:
        """File and line of the key, or of the nearest key above it that exists."""
        file, line = self._place(path)
        return f"{file}:{line}"

    def _place(self, path: KeyPath) -> tuple[Path, int]:
        while path not in self.origins and path:
            path = path[:-1]
        return self.origins[path]

    def _line(self, problem: Problem) -> str:
        name = ".".join(str(key) for key in problem.path) or "(top level)"
        return _visible(f"{self.where(problem.path)}: {name}: {problem.message}")


def _visible(line: str) -> str:
    """The line as one, with what would break it written as in Python."""
    return re.sub(f"[{CONTROLS}]", lambda sign: repr(sign[0])[1:-1], line)


def load(
    files: Iterable[Path],
    model: type[Model],
    check: Callable[[Model], Iterable[Problem]] = lambda _: (),
) -> Model:
    """Merge the files, validate them as `model`, then run `check` on the result.

    Raises:
        ConfigError: a file can't be read, is not YAML, or does not fit.

    """
    document = read(files)
    try:
        config = model.model_validate(document.data)
    except pydantic.ValidationError as error:
        problems = [_problem(details, model) for details in error.errors()]
    else:
        problems = list(check(config))
        if not problems:
            return config
    raise ConfigError(document.lines(problems))


def read(files: Iterable[Path]) -> Document:
    """Merge the files, later over earlier."""
    document = Document()
    for file in files:
        _overlay(document, file)
    return document


def _overlay(document: Document, file: Path) -> None:
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        document.origins.setdefault((), (file, 1))
        if isinstance(root, yaml.MappingNode):
            _merge(document, root, (), file, document.data)
        elif root is not None:
            raise ConfigError([f"{file}:1: (top level): not a mapping; write 'key: value' lines"])
    except OSError as error:
        raise ConfigError([f"{file}: can't be read ({error.strerror}); check the path"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: not UTF-8 text; save it as UTF-8"]) from error
    except yaml.YAMLError as error:
        raise ConfigError([_not_yaml(file, error)]) from error
    except RecursionError as error:
        raise ConfigError([f"{file}: an alias holds itself; write the value out"]) from error


def _not_yaml(file: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    why = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"{file}:{mark.line + 1 if mark else 1}: not YAML ({why}); fix the syntax"


def _merge(
    document: Document, node: yaml.MappingNode, path: KeyPath, file: Path, into: dict[str, Any]
) -> None:
    seen: set[str] = set()
    for key_node, value_node in node.value:
        key = str(key_node.value)
        here = (*path, key)
        line = key_node.start_mark.line + 1
        if key in seen:
            name = ".".join(map(str, here))
            raise ConfigError([f"{file}:{line}: {name}: written twice; keep one of the two"])
        seen.add(key)
        document.origins[here] = (file, line)
        if isinstance(value_node, yaml.MappingNode):
            below = into.get(key)
            into[key] = below if isinstance(below, dict) else {}
            _merge(document, value_node, here, file, into[key])
        else:
            if isinstance(into.get(key), dict | list):
                _forget_inside(document, here)
            into[key] = _construct(value_node, here, file)
            document.origins.update(_lines_inside(value_node, here, file))


def _forget_inside(document: Document, path: KeyPath) -> None:
    """Drop the lines of everything inside a value that another one replaces as a whole."""
    for stale in [key for key in document.origins if key[: len(path)] == path and key != path]:
        del document.origins[stale]


def _lines_inside(node: yaml.Node, path: KeyPath, file: Path) -> dict[KeyPath, tuple[Path, int]]:
    children: list[tuple[str | int, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.SequenceNode):
        children = [(index, item, item) for index, item in enumerate(node.value)]
    elif isinstance(node, yaml.MappingNode):
        children = [(str(key.value), key, value) for key, value in node.value]
    lines: dict[KeyPath, tuple[Path, int]] = {}
    for key, mark, value in children:
        lines[(*path, key)] = (file, mark.start_mark.line + 1)
        lines |= _lines_inside(value, (*path, key), file)
    return lines


def _construct(node: yaml.Node, path: KeyPath, file: Path) -> Any:
    try:
        return SafeConstructor().construct_document(node)
    except ValueError as error:  # such as 2026-13-45, which has the form of a date
        name, line = ".".join(map(str, path)), node.start_mark.line + 1
        raise ConfigError([f"{file}:{line}: {name}: {error}; quote it"]) from error


def _problem(details: ErrorDetails, model: type[pydantic.BaseModel]) -> Problem:
    path, owner, info = field_at(model, details["loc"])
    if details["type"] == "extra_forbidden":
        return Problem(path=path, message=_unknown_key(str(path[-1]), owner))
    if details["loc"][-1] == "[key]":
        known = details["type"] == "value_error"
        no_name = "is no name; write letters, digits, _ and - only"
        return Problem(path=path, message=pydantic_errors.plain(details) if known else no_name)
    if details["type"] == "missing":
        return Problem(path=path, message=f"is missing; write {_example(path, info)}")
    message = pydantic_errors.plain(details)
    wrong = f"{message} (here: {_short(details['input'])})"
    if not examples(info):
        fix = _FIXES.get(details["type"], "write another one")
        return Problem(path=path, message=f"{wrong}; {fix}")
    return Problem(path=path, message=f"{wrong}; write for example {_example(path, info)}")


def _unknown_key(key: str, owner: type[pydantic.BaseModel] | None) -> str:
    fields = owner.model_fields.items() if owner else []
    known = sorted(info.alias or name for name, info in fields)
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"unknown key; write {close[0]!r}"
    return f"unknown key; the keys here are {', '.join(known)}"


def _example(path: KeyPath, info: pydantic.fields.FieldInfo | None) -> str:
    example = next(iter(examples(info)), "a value")
    name = next((str(key) for key in reversed(path) if isinstance(key, str)), "value")
    text = f"{name}: {_short(example)}"
    return f'"{text}"' if "'" in text else f"'{text}'"


def _short(value: object, limit: int = 60) -> str:
    if isinstance(value, Mapping):
        value = dict(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n")
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
