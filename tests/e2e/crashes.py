"""Prometheus, then Alertmanager, killed in the middle of incidents; a stack of its own."""

import time
from functools import partial
from pathlib import Path

from e2e.live import RESEND_SECONDS, Live
from e2e.scenarios import CACHE_DEAD, SLOW
from e2e.world import SyntheticExtractor
from featurewatch_kit.demo.processes import free_port

CASCADES = tuple(f"cascade-{number}" for number in range(4))
ESCALATING = "escalating"
SILENT = "silent"
LATER = "later"
#: Prometheus takes five seconds from its start to its first scrape and to know its Alertmanagers;
#: what fires before is sent again after the resend delay. Group wait and windows outlast that.
GROUP_WAIT = 6 + RESEND_SECONDS
#: Until it is killed: no alert may end at Alertmanager before a busy machine has started it again.
PATIENT_RESEND_SECONDS = 2 * RESEND_SECONDS
WINDOW = {"window": "15s"}
DELAY = 25
LEVELS = [
    {
        "delay": "0s",
        "channels": ["email"],
        "recipients": ["monitoring_team"],
        "response_time": "immediate",
    },
    {
        "delay": f"{DELAY}s",
        "channels": ["slack"],
        "recipients": ["monitoring_team"],
        "response_time": "within_15_minutes",
    },
]
OVERLAY = {
    "alerts": {
        "FeatureExtractionLatencyCritical": WINDOW,
        "FeatureExtractionLatencyHigh": WINDOW,
        "FeatureExtractionCacheHitRateLow": WINDOW,
    },
    "escalation": {"policies": {"latency_violation": {"levels": LEVELS}}},
    "routing": {"people": {"group_wait": f"{GROUP_WAIT}s"}},
}


def alertmanager_options() -> dict[str, str]:
    """Flags of docs/operations.md, in the times of these tests."""
    return {
        # A cluster of one: it waits until nobody has joined for a while before it notifies.
        # Five polls, ten gossip intervals apart.
        "cluster.listen-address": f"127.0.0.1:{free_port()}",
        "cluster.gossip-interval": f"{(RESEND_SECONDS + 3) / 50:.3f}s",
        "data.maintenance-interval": "1s",
    }


def run(live: Live) -> None:
    """One incident of each kind, through both crashes, to its end."""
    _begin(live)
    for name in (ESCALATING, *CASCADES):
        live.until_told(name)
    live.kill("prometheus")
    live.resend_seconds = RESEND_SECONDS
    live.start_prometheus()
    for name in (ESCALATING, *CASCADES):
        live.until_told(name, level="2")
    _crash_alertmanager(live)
    live.until(lambda: "2" in live.levels(SILENT), "the silenced alert still fires")
    told = (ESCALATING, LATER, *CASCADES)
    for name in told:
        live.world.extractor(name).heal()
    for name in told:
        live.until_over(name)


def _begin(live: Live) -> None:
    for name in (ESCALATING, SILENT, LATER, *CASCADES):
        live.extractor(name)
    live.silence(extractor=SILENT)
    for name in (ESCALATING, SILENT):
        live.world.extractor(name).spoil(**SLOW)
    # One after the other, so that Prometheus repeats their alerts at different moments.
    for name in CASCADES:
        extractor = live.world.extractor(name)
        extractor.spoil(**SLOW, **CACHE_DEAD)
        live.until(partial(_scraped_after, extractor, extractor.scrapes), "the next scrape")


def _scraped_after(extractor: SyntheticExtractor, scrapes: int) -> bool:
    return extractor.scrapes > scrapes


def _crash_alertmanager(live: Live) -> None:
    now = time.time()
    data = live.folder / "alertmanager-data"
    live.until(lambda: all(_written(data / name, now) for name in ("nflog", "silences")), "stored")
    live.kill("alertmanager")
    live.start_alertmanager()
    live.until(live.settled, "Alertmanager notifies")
    # Whatever was held back has been told before this one is.
    live.world.extractor(LATER).spoil(**SLOW)
    live.until_told(LATER)


def _written(file: Path, since: float) -> bool:
    return file.exists() and file.stat().st_mtime > since
