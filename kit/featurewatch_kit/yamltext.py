"""YAML that people like to read: what names a thing comes first, PromQL keeps its lines."""

from collections.abc import Mapping
from typing import Any

import yaml

# Keys in reading order; all others follow in alphabetical order.
_RULES = ["groups", "name", "record", "alert", "interval", "rules", "expr", "for"]
_RULES += ["keep_firing_for", "labels", "annotations", "summary", "description"]
_ALERTMANAGER = ["global", "templates", "route", "receiver", "matchers", "group_by"]
_ALERTMANAGER += ["group_wait", "group_interval", "repeat_interval", "continue", "routes"]
_ALERTMANAGER += ["inhibit_rules", "source_matchers", "target_matchers", "equal", "receivers"]
_PROMETHEUS = ["rule_files", "alerting", "scrape_configs", "job_name", "scrape_interval"]
_PROMETHEUS += ["scheme", "metrics_path", "static_configs", "file_sd_configs"]
_PROMETHEUS += ["kubernetes_sd_configs", "relabel_configs", "metric_relabel_configs"]
_RANK = {key: rank for rank, key in enumerate(_RULES + _ALERTMANAGER + _PROMETHEUS)}


#: Texts by the key of the whole tree and the number in its list of what they stand above.
Comments = Mapping[tuple[str, int], str]


class _Dumper(yaml.CSafeDumper):
    """C emitter without aliases, which nobody wants to follow by hand."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(tree: object, *, header: str = "", comments: Comments | None = None) -> str:
    """The tree as YAML, with `header` as leading comment lines, and `comments` within."""
    body = yaml.dump(
        _ordered(tree), Dumper=_Dumper, sort_keys=False, width=100_000, allow_unicode=True
    )
    return _comment(header) + (_commented(body, comments) if comments else body)


def _commented(body: str, comments: Comments) -> str:
    tree: Any = yaml.compose(body, yaml.CSafeLoader)
    lists = {key.value: value.value for key, value in tree.value}
    # Not by lines: YAML knows more line breaks than the one that ends ours.
    places = {lists[key][n].start_mark.index: text for (key, n), text in comments.items()}
    for place, text in sorted(places.items(), reverse=True):
        begin = body.rfind("\n", 0, place) + 1
        body = body[:begin] + _comment(text) + body[begin:]
    return body


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())


def _ordered(tree: object) -> object:
    if isinstance(tree, dict):
        keys = sorted(tree, key=lambda key: (_RANK.get(key, len(_RANK)), key))
        return {key: _ordered(tree[key]) for key in keys}
    if isinstance(tree, list):
        return [_ordered(item) for item in tree]
    return tree
