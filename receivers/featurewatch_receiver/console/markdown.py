"""A runbook's Markdown as HTML."""

from markdown_it import MarkdownIt
from markupsafe import Markup

# HTML in it stays text; the page's policy lets no image of elsewhere in.
_READER = MarkdownIt("commonmark", {"html": False}).disable("image")


def as_html(text: str | None) -> Markup | None:
    """The section without its own heading, its headings below the page's; None for none."""
    if text is None:
        return None
    tokens = _READER.parse(text.partition("\n")[2])
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h4"
    return Markup(_READER.renderer.render(tokens, _READER.options, {}))  # noqa: S704 - it escapes
