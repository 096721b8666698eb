"""What the virtual Alertmanager costs: thirty days of the generated configuration."""

import random
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from bench.figures import BenchError, Figure, at_most
from featurewatch_kit import generate
from featurewatch_kit.alertmanager.alerts import Sent
from featurewatch_kit.alertmanager.configuration import read_configuration
from featurewatch_kit.alertmanager.engine import Alertmanager
from featurewatch_kit.project import load_config

DAYS, EXTRACTORS, EPISODES = 30, 10, 2_000
DAY, RESEND, LASTS = 86_400.0, 60.0, 240.0
#: Mean seconds of an episode, beyond a minute.
LENGTH = 1_800.0
#: Seconds.
LONGEST = at_most(3.0)
Post = tuple[float, Sent]


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """The time for all of them, sent again every minute as Prometheus does, and the Watchdog."""
    text = generate.generate(load_config(root, []), root)[generate.ALERTMANAGER]
    alertmanager = Alertmanager(read_configuration(text))
    posts = sorted([*_episodes(), *_firing({"alertname": "Watchdog"}, 0, DAYS * DAY)], key=_time)
    begin = perf_counter()
    for at, alert in posts:
        alertmanager.post([alert], at)
    alertmanager.advance(DAYS * DAY)
    seconds = perf_counter() - begin
    if len(alertmanager.sent) < EPISODES:
        raise BenchError(f"only {len(alertmanager.sent)} messages were sent")
    yield Figure(name="simulate.alertmanager.30_days", value=seconds, unit="s", goal=LONGEST)


def _time(post: Post) -> float:
    return post[0]


def _episodes() -> Iterator[Post]:
    chance = random.Random(1)  # noqa: S311  # always the same
    kinds = [
        ("FeatureExtractionLatencyCritical", "critical", "latency_violation"),
        ("FeatureExtractionErrorRateHigh", "high", "error_rate"),
        ("FeatureExtractionCacheHitRateLow", "medium", "default"),
    ]
    for number in range(EPISODES):
        name, severity, policy = chance.choice(kinds)
        labels = {
            "alertname": name,
            "severity": severity,
            "escalation_policy": policy,
            "escalation_level": "1",
            "extractor": f"extractor_{number % EXTRACTORS}",
        }
        begin = chance.uniform(0, (DAYS - 1) * DAY)
        yield from _firing(labels, begin, begin + RESEND + chance.expovariate(1 / LENGTH))


def _firing(labels: dict[str, str], begin: float, end: float) -> Iterator[Post]:
    at = begin
    while at < end:
        yield at, Sent(labels, begin, at + LASTS)
        at += RESEND
    yield end, Sent(labels, begin, end)
