"""What is written on each other can be read: contrast as WCAG 2.2 counts it."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[3] / "receivers/featurewatch_receiver/console/static/console.css"
#: WCAG AA: text, and what is no text but must be seen.
TEXT, SHAPE = 4.5, 3.0
ON_PAGES = ("text", "muted", "link", "critical", "high", "medium", "low", "good")


def palettes() -> dict[str, dict[str, str]]:
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", CSS.read_text(), re.DOTALL)
    )
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_contrast_is_counted_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_text_can_be_read(look: str) -> None:
    palette = palettes()[look]
    pairs = [(word, ground) for word in ON_PAGES for ground in ("page", "card")]
    pairs += [("on-link", "link"), ("on-critical", "critical")]
    low = {pair: contrast(palette[pair[0]], palette[pair[1]]) for pair in pairs}
    assert {pair: value for pair, value in low.items() if value < TEXT} == {}


@pytest.mark.parametrize("look", ["light", "dark"])
def test_focus_fields_and_marks_can_be_seen(look: str) -> None:
    palette = palettes()[look]
    marks = ("link", "muted", "critical", "high", "medium", "low", "good")
    low = {mark: contrast(palette[mark], palette["page"]) for mark in marks}
    assert {mark: value for mark, value in low.items() if value < SHAPE} == {}


def test_both_palettes_name_the_same_colours_and_nothing_else_is_coloured() -> None:
    light, dark = palettes().values()
    assert light.keys() == dark.keys()
    assert set(ON_PAGES) <= light.keys()
    rest = re.sub(r":root \{.*?\}", "", CSS.read_text(), flags=re.DOTALL)
    assert not re.search(r"#[0-9a-f]{3}|rgb|hsl", rest)
