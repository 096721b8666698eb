"""Matchers are read as Alertmanager reads them."""

import pytest

from featurewatch_kit.alertmanager.matchers import match, parse, parse_all
from featurewatch_kit.errors import GenerationError


@pytest.mark.parametrize(
    ("matcher", "value", "expected"),
    [
        ('a="x"', "x", True),
        ('a!="x"', "x", False),
        ('a=~"x|y"', "y", True),
        ('a=~"x"', "xx", False),
        ('a!~"x.*"', "xx", False),
        ('a=""', None, True),
        ('a=~".+"', None, False),
        ('a!="x"', None, True),
        (r'a="say \"x\""', 'say "x"', True),
        (" a = x ", "x", True),
    ],
)
def test_a_matcher_is_read_as_alertmanager_reads_it(
    matcher: str, value: str | None, expected: bool
) -> None:
    labels = {} if value is None else {"a": value}
    assert match(parse_all([matcher]), labels) is expected


def test_what_is_no_matcher_is_refused_in_one_line() -> None:
    with pytest.raises(GenerationError, match=r"'a~x' is no matcher .*; write 'label=\"value\"'"):
        parse("a~x")
