"""What a running Prometheus scrapes and has loaded fits the configuration."""

from collections.abc import Iterator
from typing import Any

from featurewatch_kit.checks.finding import Finding, listed
from featurewatch_kit.checks.prometheus import Prometheus
from featurewatch_kit.checks.restarts import check_restarts
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.config.alerts import LatencyAlert
from featurewatch_kit.config.model import Config
from featurewatch_receiver.phrases import exact

HISTOGRAM = "feature_extraction_duration_seconds_bucket"
MISSING = "has no such series, so no threshold is proved; check the scrape job and selector"
#: The same as a native histogram, by any of the names that OpenTelemetry's ways give it.
NATIVE = "feature_extraction[._]duration(_seconds)?"
WITHOUT_BOUNDS = (
    "has no such series, since its durations are native histograms, of which vmalert computes no"
    " p95; record explicit bounds (`featurewatch otel`), and switch off"
    " convert_classic_histograms_to_nhcb and convert_histograms_to_nhcb"
)


def check_live(config: Config, tree: Tree, prometheus: Prometheus) -> Iterator[Finding]:
    """Findings about the metrics and rules of a running Prometheus.

    Raises:
        ServerError: it does not answer as Prometheus does.

    """
    yield from _bounds(config, prometheus)
    yield from _targets(config, prometheus)
    yield from _rules(tree, prometheus)
    yield from check_restarts(tree, prometheus)


def _bounds(config: Config, prometheus: Prometheus) -> Iterator[Finding]:
    series = prometheus.series(f"group by (extractor, le) ({_selected(HISTOGRAM, config)})")
    bounds: dict[str, set[float]] = {}
    for labels in series:
        bounds.setdefault(labels.get("extractor", ""), set()).add(float(labels["le"]))
    native = prometheus.series(f"group by (extractor) ({_named(NATIVE, config)})")
    if config.rules.engine == "vmalert":
        for extractor in sorted({labels.get("extractor", "") for labels in native} - set(bounds)):
            yield Finding(prometheus.url, f"{HISTOGRAM}: {extractor} {WITHOUT_BOUNDS}")
    if not series and not native:
        yield Finding(prometheus.url, f"{HISTOGRAM}: {MISSING}")
    for name, alert in config.alerts.items():
        if isinstance(alert, LatencyAlert) and alert.enabled:
            for extractor, known in sorted(bounds.items()):
                yield from _bound(name, alert, extractor, known)


def _selected(metric: str, config: Config) -> str:
    selector = config.metrics.selector
    return f"{metric}{{{selector}}}" if selector else metric


def _named(pattern: str, config: Config) -> str:
    """Series whose names match."""
    matchers = [f'__name__=~"{pattern}"', config.metrics.selector]
    return f"{{{', '.join(matcher for matcher in matchers if matcher)}}}"


def _bound(name: str, alert: LatencyAlert, extractor: str, bounds: set[float]) -> Iterator[Finding]:
    override = alert.overrides.get(extractor)
    if override and override.enabled is False:
        return
    own = override.threshold if override else None
    threshold = alert.threshold if own is None else own
    if threshold not in bounds:
        place = f"overrides.{extractor}.threshold" if own is not None else "threshold"
        finite = ", ".join(exact(bound) for bound in sorted(bounds - {float("inf")}))
        yield Finding(
            f"alerts.{name}.{place}",
            f"{exact(threshold)} is no bucket bound that {extractor} is scraped with ({finite});"
            " give the library that bound, or write one of these",
        )


def _targets(config: Config, prometheus: Prometheus) -> Iterator[Finding]:
    selected = _named("feature_extraction_.+", config)
    series = prometheus.series(f"group by (extractor) ({selected})")
    seen = {labels.get("extractor") for labels in series}
    for extractor in config.targets:
        if extractor not in seen:
            yield Finding(
                f"targets.{extractor}",
                f"{prometheus.url} scrapes no metrics of it, so nothing is ever remediated there;"
                " check its name and the scrape job",
            )


def _rules(tree: Tree, prometheus: Prometheus) -> Iterator[Finding]:
    loaded = {group["name"]: group["rules"] for group in prometheus.groups()}
    for group in [*tree.rules["groups"], *tree.alert_rules["groups"]]:
        if group["name"] not in loaded:
            message = "is not loaded; add the generated rules to rule_files and reload"
            yield Finding(prometheus.url, f"group {group['name']}: {message}")
        else:
            yield from _group(group, loaded[group["name"]], prometheus.url)


def _group(group: dict[str, Any], loaded: list[dict[str, Any]], url: str) -> Iterator[Finding]:
    ours = {_rule(rule) for rule in group["rules"]}
    theirs = {_rule(rule) for rule in loaded}
    if ours != theirs:
        differing = listed(sorted(name for name, _ in ours ^ theirs))
        yield Finding(
            url,
            f"group {group['name']}: has other rules than are generated ({differing}); load the"
            " generated rules again",
        )
    for rule in loaded:
        if rule["health"] == "err":
            error = " ".join(rule.get("lastError", "").split())
            yield Finding(url, f"rule {rule['name']}: fails ({error}); fix what it names")


def _rule(rule: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Name and labels, from a rule file or from Prometheus's API."""
    name = rule.get("name") or rule.get("alert") or rule["record"]
    return name, tuple(sorted(rule.get("labels", {}).items()))
