"""An hour on call, as rows: an incident with its members, an approval, a lease, a silence."""

from datetime import datetime, timedelta
from typing import Any

from featurewatch_receiver.store import schema
from receiver.in_process import Receiver
from receiver.payloads import Json
from receiver.web.test_reads import row, store

CASCADE = "FeatureExtractionLatencyCascade"
LATENCY = "FeatureExtractionLatencyCritical"
CACHE = "FeatureExtractionCacheHitRateLow"
RESOURCES = "FeatureExtractionResourcesCritical"
FALLBACK = "FeatureExtractionFallbackUsageHigh"
NOTES = {
    CASCADE: ("feature_extractor: latency, cache or resources are bad at once", "2 members", "2"),
    LATENCY: ("95 % of extractions of feature_extractor take longer", "231.4ms", "150ms"),
    CACHE: ("The feature cache of feature_extractor misses too often", "61.3%", "85%"),
    RESOURCES: ("feature_extractor_eu needs all it has", "96.2%", "95%"),
    FALLBACK: ("feature_extractor_eu falls back too often", "7.4%", "5%"),
}
POLICY = "latency_violation"
#: Whom levels 2 and 3 tell.
LEVELS = (
    (2, {"channels": ["slack"], "recipients": ["on_call_engineer"], "resolved": True}),
    (3, {"channels": ["pagerduty"], "recipients": ["on_call_engineer"], "resolved": True}),
)
ADVICE = """**Look** at <b>both</b>.

1. <i> `up` first
2. then **this

```
curl <x>
```
"""
#: Ids that tests and the script of the screenshots name.
INCIDENT, SPIKE, MISSES, WAITS = (f"{n:032x}" for n in range(1, 5))


def members(settings: Json) -> None:
    """Let the receiver know which alerts the incident answers for, and how levels come."""
    for name in NOTES:
        settings["alerts"].setdefault(name, {"responses": []})
    settings["alerts"][CASCADE] |= {"members": [LATENCY, CACHE], "levels": ["0s", "10m", "20m"]}
    settings["alerts"][RESOURCES] |= {"levels": ["0s", "2m"]}
    settings["responses"]["hold"] = "10m"
    settings["receiver"]["alertmanager_url"] = "http://127.0.0.1:1"
    settings["notifications"] = {
        "receivers": {f"any-{n}": {"policy": POLICY, "levels": [n], **whom} for n, whom in LEVELS}
    }
    check = {"value": "p95($extractor[$window])", "threshold": "threshold($extractor)"}
    settings["alerts"][LATENCY] |= {
        "levels": ["0s", "5m", "15m"],
        "checks": {"p95_seconds": {**check, "breach": "above"}},
    }


def tell(receiver: Receiver, now: datetime) -> None:
    """Store the hour."""

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    by = [{"alertname": CASCADE, "extractor": "feature_extractor"}]
    muted = {"inhibited_at": ago(11), "inhibited_by": by}
    eu = {"extractor": "feature_extractor_eu", "place": {"region": "eu-west"}}
    silence = {
        "silenced_at": ago(30),
        "silenced_by": "bob",
        "silenced_until": ago(-90),
        "silenced_reason": "the new model warms up",
    }
    store(
        receiver,
        schema.episodes,
        _episode(INCIDENT, CASCADE, "critical", ago(12), escalation_level=2),
        _episode(SPIKE, LATENCY, "critical", ago(13), **muted),
        _episode(MISSES, CACHE, "medium", ago(14), **muted),
        _episode(WAITS, RESOURCES, "critical", ago(1.5), **eu),
        _episode(f"{5:032x}", FALLBACK, "medium", ago(40), **eu, **silence),
        *(
            _episode(
                f"{9 + n:032x}", CACHE, "medium", ago(60 * n + 50), resolved_at=ago(60 * n + 31)
            )
            for n in range(1, 9)
        ),
    )
    rows = [(INCIDENT, 1, 12), (INCIDENT, 2, 2), (SPIKE, 1, 13), (MISSES, 1, 14), (WAITS, 1, 1.5)]
    rows += [(f"{5:032x}", 1, 40)]
    store(receiver, schema.alerts, *(_alert(of, level, ago(m)) for of, level, m in rows))
    _acts(receiver, ago)
    told = [(INCIDENT, 1, 11, "team"), (INCIDENT, 2, 1, "on-call"), (WAITS, 1, 0.5, "on-call")]
    store(
        receiver,
        schema.notifications,
        *(
            {"episode_id": of, "level": level, "at": ago(m), "receiver": to, "status": "firing"}
            for of, level, m, to in told
        ),
    )


def _acts(receiver: Receiver, ago: Any) -> None:
    done = {
        "origin": "alert",
        "queued": 1,
        "target": "feature_extractor",
        "created_at": ago(12),
        "started_at": ago(12),
    }
    clear = f"{INCIDENT}:clear_cache:1"
    scale = f"{SPIKE}:scale_up_deployment:1"
    waits = f"{WAITS}:optimize_resources:1"
    store(
        receiver,
        schema.remediations,
        done
        | {"id": clear, "episode_id": INCIDENT, "action": "clear_cache", "state": "verifying"}
        | {"plan": {"cache": "feature_cache"}, "acted_at": ago(11.9), "done_at": ago(11.8)}
        | {"values_before": {"cache_hit_ratio": 0.613, "p95_seconds": 0.2314}}
        | {"values_after": {"cache_hit_ratio": 0.742, "p95_seconds": 0.187}},
        done
        | {"id": scale, "episode_id": SPIKE, "action": "scale_up_deployment"}
        | {"state": "skipped", "reason": "correlated", "finished_at": ago(12)},
        done
        | {"id": waits, "episode_id": WAITS, "action": "optimize_resources"}
        | {"target": "feature_extractor_eu", "state": "awaiting_approval"}
        | {"plan": {"cpu": "2 to 2.5"}, "created_at": ago(1), "waiting_since": ago(1)},
    )
    steps = [
        (clear, 12, "policy", "planned", None, None),
        (clear, 11.9, "worker", "running", None, None),
        (clear, 11.8, "worker", "verifying", None, "1204 entries cleared"),
        (scale, 12, "policy", "skipped", "correlated", f"{CASCADE} answers for it"),
        (waits, 1, "policy", "awaiting_approval", None, None),
    ]
    names = ("remediation_id", "at", "actor", "state", "reason", "detail")
    store(
        receiver,
        schema.remediation_steps,
        *(dict(zip(names, (s[0], ago(s[1]), *s[2:]), strict=True)) for s in steps),
    )
    lease = {
        "id": "lease",
        "alertname": LATENCY,
        "target": "feature_extractor",
        "action": "scale_up_deployment",
        "changed_to": {"replicas": 3},
        "back_to": {"replicas": 2},
        "created_at": ago(95),
        "steps": 0,
    }
    store(receiver, schema.leases, lease)


def _episode(of: str, name: str, severity: str, began: datetime, **values: Any) -> Json:
    place = values.pop("place", {})
    extractor = values.get("extractor", "feature_extractor")
    summary, value, threshold = NOTES[name]
    notes = {"summary": summary, "value": value, "threshold": threshold}
    notes["dashboard_url"] = f"http://localhost:3000/d/featurewatch?var-extractor={extractor}"
    labels = {"alertname": name, "extractor": extractor, "severity": severity, **place}
    labels["escalation_policy"] = POLICY
    common = {"alertname": name, "severity": severity, "labels": labels, "annotations": notes}
    return row(0, began, **(common | {"id": of} | values))


def _alert(of: str, level: int, began: datetime) -> Json:
    return {
        "episode_id": of,
        "fingerprint": f"{of[-8:]}{level}",
        "level": level,
        "starts_at": began,
        "ends_at": None,
    }
