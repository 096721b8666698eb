"""Deliveries as Alertmanager makes them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

T0 = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """So many minutes after T0."""
    return T0 + timedelta(minutes=minutes)


def alert(
    name: str = "FeatureExtractionLatencyCritical",
    *,
    level: int | None = 1,
    start: datetime = T0,
    end: datetime | None = None,
    **labels: str,
) -> Json:
    """Return one alert: firing, or resolved at `end`."""
    labels = {"alertname": name, "extractor": "feature_extractor", "severity": "critical"} | labels
    if level is not None:
        labels["escalation_level"] = str(level)
    text = json.dumps(labels, sort_keys=True)
    return {
        "status": "resolved" if end else "firing",
        "labels": labels,
        "annotations": {"summary": "p95 is 0.2", "description": f"level {level}"},
        "startsAt": start.isoformat().replace("+00:00", "Z"),
        "endsAt": end.isoformat() if end else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
        "fingerprint": hashlib.sha256(text.encode()).hexdigest()[:16],
    }


def payload(*alerts: Json, **changes: Any) -> Json:
    """Return one delivery of these alerts."""
    firing = any(a["status"] == "firing" for a in alerts)
    return {
        "version": "4",
        "groupKey": '{}/{}:{alertname="x"}',
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": "featurewatch",
        "groupLabels": {"alertname": "x"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
    } | changes
