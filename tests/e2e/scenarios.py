"""What happens to each extractor: all at once, each in a thread of its own.

A scenario only causes and waits; the tests read what people were told when all have ended.
Extractors are named for their scenario.
"""

from typing import Any

from e2e.live import Live

CASCADE = "FeatureExtractionLatencyCascade"
STORM = "FeatureExtractionErrorStorm"

SLOW = {"latency": 0.2}
FAILING = {"errors": 0.2}
OUT_OF_CPU = {"cpu": (0.97,)}
CACHE_DEAD = {"hits": 0.1}
FALLING_BACK = {"fallbacks": 0.2}
OUT_OF_MEMORY = {"memory": 0.99}
# Above the threshold of its two-second average, below it, and so on.
FLAPPING = {"cpu": (1.0, 1.0, 1.0, 0.1, 0.1)}
MAINTAINED = ("maintained", "maintained-slow")
STRANGER = {"alertname": "DiskFull", "severity": "warning"}


def escalates(live: Live, name: str, trouble: dict[str, Any], last: str) -> None:
    """Trouble that lasts until its last level was told."""
    extractor = live.extractor(name)
    extractor.spoil(**trouble)
    live.until_told(name, level=last)
    extractor.heal()
    live.until_over(name)


def slow(live: Live) -> None:
    escalates(live, "slow", SLOW, "3")


def out_of_cpu(live: Live) -> None:
    escalates(live, "out-of-cpu", OUT_OF_CPU, "2")


def failing(live: Live) -> None:
    escalates(live, "failing", FAILING, "2")


def flapping(live: Live) -> None:
    escalates(live, "flapping", FLAPPING, "2")


def cascade(live: Live) -> None:
    escalates(live, "cascade", SLOW | CACHE_DEAD, "1")


def everything(live: Live) -> None:
    """All six alerts of the specification."""
    extractor = live.extractor("everything")
    extractor.spoil(**SLOW, **FAILING, **OUT_OF_CPU, **CACHE_DEAD, **FALLING_BACK, **OUT_OF_MEMORY)
    for incident in (CASCADE, STORM):
        live.until_told("everything", level="2", alert=incident)
    extractor.heal()
    live.until_over("everything")


def joined(live: Live) -> None:
    """Paged for its resources, then latency joins; both get well at once."""
    extractor = live.extractor("joined")
    extractor.spoil(**OUT_OF_CPU)
    live.until_told("joined", level="2")
    extractor.spoil(**SLOW)
    live.until(
        lambda: (
            live.fires("joined", CASCADE, "2")
            and live.fires("joined", "FeatureExtractionLatencyCritical", "3")
        ),
        "the incident and the last level of latency fire",
    )
    extractor.heal()
    live.until_over("joined")


def dies(live: Live) -> None:
    """Slow when its metrics cease, and well when they are back."""
    extractor = live.extractor("dies")
    extractor.spoil(**SLOW)
    live.until_told("dies")
    live.world.remove("dies")
    live.until_told("dies", level="3")
    extractor.heal()
    live.world.add(extractor)
    live.until_over("dies")


def early_end(live: Live) -> None:
    escalates(live, "early-end", SLOW, "1")


def acknowledged(live: Live) -> None:
    extractor = live.extractor("acknowledged")
    extractor.spoil(**SLOW)
    live.until_told("acknowledged")
    live.acknowledge("FeatureExtractionLatencyCritical", "acknowledged")
    live.until(lambda: silenced(live, "acknowledged"), "level 2 fires and is silenced")
    extractor.heal()
    live.until_over("acknowledged")


def silent(live: Live) -> None:
    extractor = live.extractor("silent")
    live.silence(extractor="silent")
    extractor.spoil(**SLOW)
    live.until(lambda: silenced(live, "silent"), "level 2 fires and is silenced")
    extractor.heal()
    live.until(lambda: not live.alerts("silent"), "the silenced alert ends")


def falling_back(live: Live) -> None:
    """Its alert is of `auto_resolve: false`."""
    extractor = live.extractor("falling-back")
    extractor.spoil(**FALLING_BACK)
    live.until_told("falling-back")
    extractor.heal()
    live.until(lambda: live.resolved("falling-back"), "the receiver is told of the end")


def maintained(live: Live) -> None:
    outlasts_maintenance(live, "maintained", CACHE_DEAD, "1")


def maintained_slow(live: Live) -> None:
    outlasts_maintenance(live, "maintained-slow", SLOW, "3")


def outlasts_maintenance(live: Live, name: str, trouble: dict[str, Any], level: str) -> None:
    """Trouble that begins within a maintenance window and reaches that level within it."""
    extractor = live.extractor(name)
    extractor.spoil(**trouble)
    live.until(lambda: inhibited(live, name, level), f"{name}: level {level} fires and is muted")
    live.until_told(name, level=level)
    extractor.heal()
    live.until_over(name)


def inhibited(live: Live, name: str, level: str) -> bool:
    """Whether that level has reached Alertmanager, which mutes it for another alert."""
    return any(
        alert["labels"].get("escalation_level") == level and alert["status"]["inhibitedBy"]
        for alert in live.alerts(name)
    )


def silenced(live: Live, name: str) -> bool:
    """Whether level 2 has reached Alertmanager, which mutes it for a silence."""
    return any(
        alert["labels"].get("escalation_level") == "2" and alert["status"]["silencedBy"]
        for alert in live.alerts(name)
    )


def stranger(live: Live) -> None:
    live.post_alert(STRANGER)
    live.until(lambda: bool(live.journal.firing("")), "someone is told of the stranger")


ALL = (
    slow,
    out_of_cpu,
    failing,
    flapping,
    cascade,
    everything,
    joined,
    dies,
    early_end,
    acknowledged,
    silent,
    falling_back,
    maintained,
    maintained_slow,
    stranger,
)
