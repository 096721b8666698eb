"""Pydantic's complaints in plain words: the one translator, for files, requests and answers alike.

Whoever uses it adds what stands around them: the place in their own form, and the fix.
"""

from collections.abc import Mapping

import pydantic
from pydantic_core import ErrorDetails

_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "enum": "must be {expected}",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "int_type": "must be a whole number",
    "json_invalid": "is not JSON",
    "less_than": "must be less than {lt:g}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_type": "must be a mapping",
    "string_pattern_mismatch": "has the wrong form",
    "string_too_long": "is too long",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "too_short": "must not be empty",
}

#: For what is JSON, where a mapping is called an object.
OF_JSON = {"model_type": "must be an object", "dict_type": "must be an object"}


def plain(details: ErrorDetails, others: Mapping[str, str] = {}) -> str:
    """What is wrong, as the rest of a sentence about the place; `others` go before these words."""
    words = others.get(details["type"]) or _WORDS.get(details["type"])
    if words:
        return words.format(**details.get("ctx", {}))
    message = details["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def place(location: tuple[int | str, ...]) -> str:
    """Where it is, as `a.b[0]`; empty for the whole."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location]
    return "".join(steps).removeprefix(".")


def first(error: pydantic.ValidationError) -> tuple[ErrorDetails, str]:
    """The first complaint, and how to say that there are more: "" or " (and 2 more)"."""
    problems = error.errors(include_url=False)
    more = len(problems) - 1
    return problems[0], f" (and {more} more)" if more else ""


def sentence(error: pydantic.ValidationError) -> str:
    """The first complaint with its place, for an answer that is not what it should be."""
    details, more = first(error)
    return f"{place(details['loc']) or 'it'} {plain(details)}{more}"
