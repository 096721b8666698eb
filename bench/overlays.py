"""Settings for many extractors, as a file that is laid over config.yaml."""

from pathlib import Path
from typing import Any

from featurewatch_kit.config.alerts import LatencyAlert, ResourceAlert
from featurewatch_kit.config.model import Config
from featurewatch_kit.yamltext import yaml_text

#: Different thresholds of one alert.
CHOICES = 10


def extractor_names(count: int) -> list[str]:
    """Names of that many extractors."""
    return [f"extractor_{number:04d}" for number in range(count)]


def write_overlay(file: Path, config: Config, extractors: list[str]) -> Path:
    """Write a target for each extractor, and settings of its own in every alert that has overrides.

    Thresholds take turns among a few values around that of `config`, those of latency among the
    bucket bounds: many extractors share the choices of few teams.
    """
    target = next(iter(config.targets.values())).model_dump(mode="json")
    overlay = {
        "alerts": {
            name: {
                "overrides": {
                    extractor: _override(config, alert, place % CHOICES)
                    for place, extractor in enumerate(extractors)
                }
            }
            for name, alert in config.alerts.items()
            if hasattr(alert, "overrides")
        },
        "targets": dict.fromkeys(extractors, target),
    }
    file.write_text(yaml_text(overlay), encoding="utf-8")
    return file


def _override(config: Config, alert: Any, choice: int) -> dict[str, Any]:
    override: dict[str, Any] = {"threshold": _threshold(config, alert, choice)}
    if getattr(alert, "min_requests", 0):
        override["min_requests"] = alert.min_requests + choice
    return override


def _threshold(config: Config, alert: Any, choice: int) -> Any:
    if isinstance(alert, LatencyAlert):
        # Nothing is ever above the last bound: p95 is at most that. High must be below critical.
        low, high = config.metrics.duration_buckets[:-2], config.metrics.duration_buckets[1:-1]
        return (high if alert.severity == "critical" else low)[choice % len(low)]
    if isinstance(alert, ResourceAlert):
        return {name: _near(value, choice) for name, value in alert.threshold}
    return _near(alert.threshold, choice)


def _near(threshold: float, choice: int) -> float:
    """The threshold itself, or up to a tenth less."""
    return round(threshold * (1 - choice / CHOICES / 10), 9)
