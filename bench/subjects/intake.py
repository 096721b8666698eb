"""What a delivery costs the receiver, against a floor and against the package `webhook`.

All servers take turns on one machine, so that others' work meets each; read the ratios. Every
delivery tells of alerts never heard of, so that each opens an episode, unless it says otherwise.
The receiver answers when a delivery is on disk, and applies it afterwards: that is measured too,
and waited for before the next server has its turn.
"""

import json
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.deliveries import CONNECTIONS, Sent, bodies, send
from bench.figures import BenchError, Figure, at_least, at_most, growth
from bench.intakes import CONFIG, drain, memory, start_floor, start_ours, start_webhook
from bench.targets import HOST
from featurewatch_kit.demo.processes import Processes

OURS = "featurewatch"
SIZES = (1, 50)
ROUNDS, ROUND_SECONDS = 5, 2.0
#: Alerts without a response, and with one that is decided (and skipped: no such target).
RECORDED, DECIDED, ACTED = (
    "FeatureExtractionLatencyHigh",
    "FeatureExtractionLatencyCritical",
    "FeatureExtractionCacheHitRateLow",
)
STORM_PAYLOADS, STORM_SIZE = 200, 50
REACTIONS = 60
#: The goals.
OF_FLOOR, OF_WEBHOOK, P99_SECONDS, STORM_BYTES, REACTION_SECONDS = 0.8, 1.0, 0.1, 50e6, 0.2
_EFFECT_SECONDS = 15.0


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """Rates and times, a storm, and the time until an action starts."""
    with Processes(folder / "logs") as processes:
        servers = {
            OURS: start_ours(processes, root, folder / "ours", _record_only),
            "floor": start_floor(processes, root, folder),
        }
        try:
            servers["webhook"] = start_webhook(processes, root, folder)
        except BenchError as error:
            print(f"bench: intake: {error}; measured without it", file=sys.stderr)
        for alerts in SIZES:
            yield from _rates(servers, alerts)
        yield from _repeats(servers[OURS])
        yield from _decided(servers[OURS])
    yield from _storm(root, folder)
    yield from _reaction(root, folder)


def _record_only(config: Any) -> None:
    config["alerts"][RECORDED] = {"responses": []}


def _rates(servers: dict[str, int], alerts: int) -> Iterator[Figure]:
    case = f"intake.{alerts}_alerts"
    deliveries = {name: bodies(alerts, RECORDED) for name in servers}
    sent = {name: Sent() for name in servers}
    applying = 0.0
    ratios: dict[str, list[float]] = {name: [] for name in servers if name != OURS}
    for name, port in servers.items():
        _for_seconds(port, deliveries[name], ROUND_SECONDS / 4)  # caches fill, code is compiled
    drain(servers[OURS])
    for _ in range(ROUNDS):
        rates = {}
        for name, port in servers.items():
            part = _for_seconds(port, deliveries[name], ROUND_SECONDS)
            sent[name].add(part)
            if name == OURS:  # what is left to do must not slow the others
                applying += part.seconds + drain(port)
            rates[name] = part.rate
        for name, seen in ratios.items():
            seen.append(growth(rates[name], rates[OURS]))
    for name, total in sent.items():
        yield Figure(name=f"{case}.{name}.rate", value=total.rate, unit="payloads/s")
        goal = at_most(P99_SECONDS) if name == OURS else None
        yield Figure(name=f"{case}.{name}.p99", value=_p99(total.times), unit="s", goal=goal)
    applied = alerts * len(sent[OURS].times) / applying
    yield Figure(name=f"{case}.{OURS}.applied", value=applied, unit="alerts/s")
    for name, seen in ratios.items():
        goal = at_least(OF_FLOOR if name == "floor" else OF_WEBHOOK)
        yield Figure(name=f"{case}.against_{name}", value=median(seen), unit="ratio", goal=goal)


def _repeats(port: int) -> Iterator[Figure]:
    """What Alertmanager sends most of the time: alerts that are known already."""
    for alerts in SIZES:
        known = list(islice(bodies(alerts, RECORDED), CONNECTIONS))
        part = _for_seconds(port, cycle(known), 2 * ROUND_SECONDS)
        yield from _alone(f"intake.{alerts}_alerts_repeated.{OURS}", port, part, alerts)


def _decided(port: int) -> Iterator[Figure]:
    """The same with a decision for each alert: it has a response, its extractor is no target."""
    for alerts in SIZES:
        part = _for_seconds(port, bodies(alerts, DECIDED), 2 * ROUND_SECONDS)
        yield from _alone(f"intake.{alerts}_alerts_with_response.{OURS}", port, part, alerts)


def _alone(name: str, port: int, part: Sent, alerts: int) -> Iterator[Figure]:
    applied = alerts * len(part.times) / (part.seconds + drain(port))
    yield Figure(name=f"{name}.rate", value=part.rate, unit="payloads/s")
    yield Figure(name=f"{name}.p99", value=_p99(part.times), unit="s")
    yield Figure(name=f"{name}.applied", value=applied, unit="alerts/s")


def _for_seconds(port: int, deliveries: Iterator[bytes], seconds: float) -> Sent:
    part = send(port, deliveries, lambda _, spent: spent < seconds)
    part.only_accepted()
    return part


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


def _storm(root: Path, folder: Path) -> Iterator[Figure]:
    place = folder / "storm"
    with Processes(folder / "logs") as processes:
        port = start_ours(processes, root, place, _record_only)
        send(port, bodies(1, RECORDED), lambda number, _: number <= STORM_SIZE).only_accepted()
        before = memory(place / CONFIG)
        deliveries = islice(bodies(STORM_SIZE, DECIDED), STORM_PAYLOADS)
        part = send(port, deliveries, lambda number, _: number <= STORM_PAYLOADS)
        part.only_accepted()
        applying = part.seconds + drain(port)
        after = memory(place / CONFIG)
    stored = _count(place / "receiver.db", DECIDED)
    name = f"intake.storm_of_{STORM_PAYLOADS * STORM_SIZE}_alerts"
    lost = STORM_PAYLOADS * STORM_SIZE - stored
    yield Figure(name=f"{name}.lost", value=lost, unit="alerts", goal=at_most(0))
    yield Figure(name=f"{name}.time", value=part.seconds, unit="s")
    yield Figure(name=f"{name}.applied_after", value=applying, unit="s")
    grown = after - before
    yield Figure(name=f"{name}.memory", value=grown, unit="bytes", goal=at_most(STORM_BYTES))


def _count(database: Path, alertname: str) -> int:
    query = "SELECT count(*) FROM alerts JOIN episodes ON id = episode_id WHERE alertname = ?"
    with closing(sqlite3.connect(database)) as connection:
        (number,) = connection.execute(query, (alertname,)).fetchone()
    return int(number)


def _reaction(root: Path, folder: Path) -> Iterator[Figure]:
    """From the begin of a POST until the action reaches its target; one at a time."""
    with Processes(folder / "logs") as processes, _effects() as (url, effects):
        change = partial(_act_on, url)
        port = start_ours(processes, root, folder / "reaction", change)
        times = [_react(port, body, effects) for body in _for_targets()]
    name = "intake.reaction"
    yield Figure(name=f"{name}.p50", value=median(times), unit="s")
    yield Figure(name=f"{name}.p99", value=_p99(times), unit="s", goal=at_most(REACTION_SECONDS))


def _act_on(url: str, config: Any) -> None:
    """A target for each measurement, so that no cooldown stands in the way."""
    (target,) = list(config["targets"].values())[:1]
    names = [json.loads(body)["alerts"][0]["labels"]["extractor"] for body in _for_targets()]
    config["targets"] = {name: target | {"cache": name} for name in names}
    config["backends"][target["backend"]] |= {"kind": "http", "url": url}
    config["alerts"][ACTED] = {"responses": ["clear_cache"]}
    config["responses"] |= {"enabled": True, "dry_run": False}
    config["responses"]["storm"]["episodes"] = 10 * REACTIONS
    config["responses"]["actions"]["clear_cache"] |= {"mode": "auto", "verify": "0s"}


def _for_targets() -> list[bytes]:
    return list(islice(bodies(1, ACTED), REACTIONS))


def _react(port: int, body: bytes, effects: "Effects") -> float:
    name = json.loads(body)["alerts"][0]["labels"]["extractor"]
    began = time.perf_counter()
    send(port, iter([body]), lambda number, _: number <= 1).only_accepted()
    return effects.wait(name) - began


class Effects:
    """When each cache was cleared."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._changed = threading.Condition()

    def add(self, cache: str) -> None:
        """It is cleared now."""
        with self._changed:
            self._seen.setdefault(cache, time.perf_counter())
            self._changed.notify_all()

    def wait(self, cache: str) -> float:
        """Wait for it; BenchError when it takes too long."""
        with self._changed:
            if not self._changed.wait_for(lambda: cache in self._seen, _EFFECT_SECONDS):
                raise BenchError(f"no action within {_EFFECT_SECONDS:g} s of its alert")
            return self._seen[cache]


@contextmanager
def _effects() -> Iterator[tuple[str, Effects]]:
    """A target that clears caches: docs/http-backend.md."""
    effects = Effects()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            effects.add(self.path.split("/")[-2])
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = b'{"cleared": 1}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """What is asked here is no news."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://{HOST}:{server.server_port}/admin", effects
        server.shutdown()
        thread.join()
