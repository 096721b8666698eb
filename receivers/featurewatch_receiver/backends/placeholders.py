"""Placeholders of the `http_job` backend: {{run_id}} in a URL, a header or a body.

They are filled in one pass over text that is already parsed, so that what an alert brings along
stays data: it can't end a string, add a key, or name another placeholder.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

#: What a run is told: its id, the target's model, and the alert.
KNOWN = ("run_id", "model", "alertname", "extractor")
_PLACEHOLDER = re.compile(r"\{\{ *([a-z_]+) *\}\}")


def fill(tree: Any, words: Mapping[str, str]) -> Any:
    """Return a JSON value with each placeholder in its texts replaced; keys stay as they are.

    A placeholder without a word becomes empty.
    """
    if isinstance(tree, str):
        return _PLACEHOLDER.sub(lambda match: words.get(match[1], ""), tree)
    if isinstance(tree, list):
        return [fill(item, words) for item in tree]
    if isinstance(tree, dict):
        return {key: fill(value, words) for key, value in tree.items()}
    return tree


def fill_url(url: str, words: Mapping[str, str]) -> str:
    """Return a URL with each placeholder replaced; whatever it holds stays within its place."""
    return _PLACEHOLDER.sub(lambda match: quote(words.get(match[1], ""), safe=""), url)


def placeholders(tree: Any) -> Iterator[str]:
    """Every name in {{}} in a JSON value, known or not."""
    if isinstance(tree, str):
        yield from (name.strip() for name in re.findall(r"\{\{([^{}]*)\}\}", tree))
    elif isinstance(tree, dict | list):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from placeholders(item)
