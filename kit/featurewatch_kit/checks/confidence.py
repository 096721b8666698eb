"""The lower bounds in the rules are as sure as the configuration says."""

import re
from collections.abc import Iterator
from statistics import NormalDist

from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.config.alerts import TrafficAlert
from featurewatch_kit.config.model import Config

# As in `3.091 / (3 * sqrt((0.95 * featurewatch:bad_events{alert="X", window="5m"} / 5)))`.
_BOUND = re.compile(
    r"- (?P<deviations>\S+) / \(3 \* sqrt\(\(\S+ \* "
    r'featurewatch:bad_events\{alert=~?"(?P<alerts>[^"]+)"[^}]*\}(?: / (?P<dispersion>[^)\s]+))?'
)
# What the approximation of lib/confidence.libsonnet and its rounding may be off.
_ROUGH = 0.001


def confidences(config: Config, tree: Tree) -> Iterator[tuple[str, float | None, float | None]]:
    """Place in the configuration, what is wanted there, and what the rules say instead."""
    found = _found(tree)
    for name, alert in config.alerts.items():
        if isinstance(alert, TrafficAlert) and alert.enabled and alert.confidence is not None:
            deviations, dispersion = found.get(name, (None, None))
            yield f"alerts.{name}.confidence", alert.confidence, _said(alert.confidence, deviations)
            yield f"alerts.{name}.dispersion", alert.dispersion, dispersion


def _found(tree: Tree) -> dict[str, tuple[float, float]]:
    rules = (rule for group in tree.rules["groups"] for rule in group["rules"])
    bounds = (
        _BOUND.search(rule["expr"]) for rule in rules if "lower_bound" in str(rule.get("record"))
    )
    return {
        name: (float(bound["deviations"]), float(bound["dispersion"] or 1))
        for bound in bounds
        if bound
        for name in bound["alerts"].split("|")
    }


def _said(wanted: float, deviations: float | None) -> float | None:
    """What so many standard deviations stand for; the wanted confidence where they are near."""
    if deviations is None:
        return None
    near = abs(deviations - NormalDist().inv_cdf(wanted)) <= _ROUGH
    return wanted if near else NormalDist().cdf(deviations)
