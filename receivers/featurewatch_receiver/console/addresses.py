"""Addresses of the console's pages."""

from typing import Any
from urllib.parse import urlsplit

from flask import request, url_for


def address(page: str, values: Any) -> str:
    """Where a page is."""
    return url_for(f"console.{page}", **values)


def kept() -> dict[str, list[str]]:
    """What a list is asked with, without which part of it."""
    every = request.args.to_dict(flat=False)
    return {name: words for name, words in every.items() if name != "cursor"}


def page_address(page: str, cursor: str | None) -> str:
    """Where another part of this list is."""
    return address(page, kept() | {"cursor": cursor})


def own_path(to: str) -> str:
    """Where to go after signing in: never to another site."""
    parts = urlsplit(to.replace("\\", "/"))
    ours = to.startswith("/") and not to.startswith("//") and not (parts.scheme or parts.netloc)
    return to if ours and to.isprintable() else address("overview", {})
