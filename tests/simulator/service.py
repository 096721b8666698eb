"""The services of the cells: a configuration's thresholds, and states relative to them."""

import re
from dataclasses import dataclass
from pathlib import Path

import promql_parser

from featurewatch import names
from featurewatch_kit.config.model import Config
from featurewatch_kit.generate import ALERTS, RULES, generate
from featurewatch_kit.project import load_config
from simulator.people import People
from simulator.rules import Rules, read_rules
from simulator.world import Health, World, worse

#: Of what p95 speaks: this share of the requests is slower.
SLOWER = 0.05
#: The state in which nothing is wrong.
WELL = Health()

ERRORS = "FeatureExtractionErrorRateHigh"
SLOW = "FeatureExtractionLatencyCritical"
RATHER_SLOW = "FeatureExtractionLatencyHigh"
MISSES = "FeatureExtractionCacheHitRateLow"
FALLBACKS = "FeatureExtractionFallbackUsageHigh"


@dataclass(frozen=True)
class Service:
    """A configuration, its rules, and what Prometheus would see of a service."""

    config: Config
    rules: Rules
    people: People
    #: The generated files of the rules.
    texts: tuple[str, ...]

    def threshold(self, alert: str) -> float:
        """Where trouble begins."""
        return getattr(self.config.alerts, alert).threshold

    def enabled(self, alert: str) -> bool:
        """Whether the configuration has the alert."""
        return getattr(self.config.alerts, alert).enabled

    def share(self, alert: str, times: float, **more: float) -> Health:
        """A service with that many times what an alert allows, and nothing else wrong."""
        allowed = self.threshold(alert)
        match alert:
            case _ if alert == ERRORS:
                return worse(WELL, errors=min(times * allowed, 1.0), **more)
            case _ if alert == FALLBACKS:
                return worse(WELL, fallbacks=min(times * allowed, 1.0), **more)
            case _ if alert == MISSES:
                return worse(WELL, misses=min(times * (1 - allowed), 1.0), **more)
        return worse(WELL, p95=times * allowed, **more)

    def truly_bad(self, health: Health) -> set[str]:
        """The alerts whose threshold the true state is beyond."""
        beyond = {
            ERRORS: health.errors > self.threshold(ERRORS),
            FALLBACKS: health.fallbacks > self.threshold(FALLBACKS),
            MISSES: 1 - health.misses < self.threshold(MISSES),
            SLOW: health.slower_than(self.threshold(SLOW)) > SLOWER,
            RATHER_SLOW: health.slower_than(self.threshold(RATHER_SLOW)) > SLOWER,
        }
        return {alert for alert, bad in beyond.items() if bad}

    def world(self, health: Health, seconds: float, **more) -> World:
        """A world with that service, as the configuration says that it is scraped."""
        metrics, scrape = self.config.metrics, self.config.scrape
        selected = _selected(metrics.selector)
        return World(
            health,
            seconds,
            step=self.rules.step,
            # Mostly scrapes and evaluations fall on different moments.
            phase=self.rules.step / 2,
            buckets=tuple(metrics.duration_buckets),
            target={**selected, "job": scrape.job or _literal(metrics.job)},
            identity={
                **{label: "one" for label in metrics.identity if label not in selected},
                names.LABEL_EXTRACTOR: names.DEFAULT_EXTRACTOR,
            },
            receiver={**selected, "job": scrape.receiver_job or _literal(metrics.receiver_job)},
            **more,
        )


def load_service(root: Path, overlays: list[Path]) -> Service:
    """The service of a configuration.

    Raises:
        KitError: the configuration or the jsonnet sources are not sound.

    """
    config = load_config(root, overlays)
    files = generate(config, root)
    texts = files[RULES], files[ALERTS]
    return Service(config, read_rules(texts), People(config), texts)


def _selected(selector: str) -> dict[str, str]:
    """Labels that a selector of the configuration lets through."""
    if not selector:
        return {}
    matchers = promql_parser.parse(f"{{{selector}}}").matchers.matchers
    return {each.name: _literal(each.value) for each in matchers if "Not" not in str(each.op)}


def _literal(regex: str) -> str:
    """A text that a regular expression of plain words matches."""
    first = regex.split("|", maxsplit=1)[0].strip("()")
    plain = re.sub(r"\.[*+]", "x", first)
    return plain if re.fullmatch(regex, plain) else first
