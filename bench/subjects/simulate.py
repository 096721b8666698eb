"""What the virtual Alertmanager costs: thirty days of the generated configuration; commands."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

import yaml

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
LONGEST, LONGEST_COMMAND = at_most(3.0), at_most(0.5)
ROUTES, ROUNDS, DAYS_ROUNDS = 1_000, 5, 3
Post = tuple[float, Sent]


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """The time for all of them, sent again every minute as Prometheus does, and the Watchdog."""
    text = generate.generate(load_config(root, []), root)[generate.ALERTMANAGER]
    posts = sorted([*_episodes(), *_firing({"alertname": "Watchdog"}, 0, DAYS * DAY)], key=_time)
    # The quickest of several rounds, since others' work on the machine only adds.
    seconds, cpu = map(min, zip(*(_days(text, posts) for _ in range(DAYS_ROUNDS)), strict=True))
    name = "simulate.alertmanager.30_days"
    yield Figure(name=name, value=seconds, unit="s", goal=LONGEST)
    yield Figure(name=f"{name}.cpu", value=cpu, unit="s")
    yield _route(folder / "alertmanager.yml")
    yield _diff(folder)


def _days(text: str, posts: list[Post]) -> tuple[float, float]:
    """The time that it takes, and the processor's alone."""
    alertmanager = Alertmanager(read_configuration(text))
    begin, cpu = perf_counter(), process_time()
    for at, alert in posts:
        alertmanager.post([alert], at)
    alertmanager.advance(DAYS * DAY)
    seconds, cpu = perf_counter() - begin, process_time() - cpu
    if len(alertmanager.sent) < EPISODES:
        raise BenchError(f"only {len(alertmanager.sent)} messages were sent")
    return seconds, cpu


def _route(file: Path) -> Figure:
    _write(file, "30s")
    name = f"simulate.route.{ROUTES}_routes.command"
    return _command(name, ["route", str(file), "team=999"], "receiver team")


def _diff(folder: Path) -> Figure:
    files = [folder / "old.yml", folder / "new.yml"]
    for file, group_wait in zip(files, ("30s", "1m"), strict=True):
        _write(file, group_wait)
    name = f"simulate.diff.{ROUTES}_routes.command"
    return _command(name, ["diff", *map(str, files)], "group_wait: 1m, was 30s")


def _write(file: Path, group_wait: str) -> None:
    """Write a tree in which every second route waits this long."""
    children = [
        {
            "receiver": "team",
            "matchers": [f'team="{n}"', f'severity=~"high|{n}"'],
            "group_wait": group_wait if n % 2 else "30s",
        }
        for n in range(ROUTES)
    ]
    team = {"name": "team", "webhook_configs": [{"url": "http://localhost"}]}
    tree = {"route": {"receiver": "team", "routes": children}, "receivers": [team]}
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")


def _command(name: str, words: list[str], answer: str) -> Figure:
    seconds = min(_seconds(words, answer) for _ in range(ROUNDS))
    return Figure(name=name, value=seconds, unit="s", goal=LONGEST_COMMAND)


def _seconds(words: list[str], answer: str) -> float:
    command = [sys.executable, "-m", "featurewatch_kit.cli", *words]
    begin = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or answer not in done.stdout:
        raise BenchError(f"{words[0]}: {done.stderr or done.stdout}")
    return perf_counter() - begin


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
