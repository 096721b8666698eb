"""Reads the URLs of a configuration."""

import re
from urllib.parse import urlsplit

from featurewatch_exporter.configfile import Table, shown


def read_url(table: Table) -> str:
    """Return the URL of a source."""
    example = "http://127.0.0.1:8000/stats"
    text = table.text("url", example)
    problem = _url_problem(text) if text else ""
    if problem:
        table.fault("url", f"{problem} (here: {shown(text)}); write for example {shown(example)}")
    return text


def _url_problem(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "must begin with http:// or https:// and a host"
    if "@" in parts.netloc:
        return "must not hold a user or password"
    return "" if re.fullmatch(r"[\x21-\x7e]+", text) else "must be plain ASCII without spaces"
