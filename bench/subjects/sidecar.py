"""How much one core of featurewatch-exporter takes, beside Prometheus's statsd_exporter.

Real processes on one and the same core take turns with the same datagrams. A rate is lines by
processor seconds, the kernel's for them included, so that others' work on the machine does not
count; the best of the rounds stands. Each must have counted every line.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path

from bench.figures import BenchError, Figure, at_least, growth
from bench.sidecars import Sidecar, send, start_ours, start_theirs
from featurewatch_kit.demo.processes import Processes

LINES = 400_000
#: Lines with a tag that never comes again: statsd_exporter keeps a series for each.
NEW_TAGS = 20_000
ROUNDS = 3
#: Bytes of a datagram of a client that buffers: what fits into a packet of Ethernet.
PACKET = 1432
OURS, THEIRS = "featurewatch", "statsd_exporter"
#: The goals.
AGAINST_THEIRS, JSON_RATE = 1.0, 100_000
_ERRORS = ("TimeoutError", "KeyError", "ValueError")
_JSON_MAP = {
    "latency_ms": {"metric": "duration_seconds", "scale": 0.001},
    "cache": {"metric": "cache_lookups_total", "label": "result"},
    "error": {"metric": "errors_total", "label": "error_type"},
}


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """Lines of statsd a second, and lines of JSON."""
    with Processes(folder / "sidecar-logs") as processes:
        sidecars = {OURS: start_ours(processes, folder)}
        try:
            sidecars[THEIRS] = start_theirs(processes, root, folder)
        except BenchError as error:
            print(f"bench: exporter: {error}; measured without it", file=sys.stderr)
        usual = list(_lines(LINES))
        yield from _rates("a_line_each", sidecars, lambda: usual, 0)
        yield from _rates("packets", sidecars, lambda: usual, PACKET)
        requests = count()
        new = partial(_tagged, requests)
        yield from _rates("packets_with_new_tags", sidecars, new, PACKET)
    with Processes(folder / "sidecar-logs") as processes:
        yield _json(processes, folder)


def _tagged(requests: Iterator[int]) -> list[bytes]:
    """Lines with a tag that comes once, as of clients that write the id of a request into one."""
    return [b"features.time:%d|ms|#request:%d" % (n % 200, n) for n in islice(requests, NEW_TAGS)]


def _lines(number: int) -> Iterator[bytes]:
    """What a service sends: durations, lookups, errors, its queue, and things of others."""
    chance = random.Random(1)  # noqa: S311 - the same ones in each run
    for _ in range(number // 10):
        for _ in range(4):
            yield b"features.time:%.3f|ms|#env:prod" % chance.lognormvariate(3, 0.8)
        for _ in range(3):
            yield b"features.cache.hit:1|c|#env:prod"
        yield b"features.cache.miss:1|c|#env:prod"
        yield b"features.queue:%d|g" % chance.randrange(100)
        error = chance.choice(_ERRORS).encode()
        yield chance.choice((b"features.errors.%s:1|c" % error, b"other.name:1|c"))


def _packed(lines: Sequence[bytes], size: int) -> Iterator[bytes]:
    """Datagrams of at most *size* bytes, and of one line at least."""
    waiting: list[bytes] = []
    for line in lines:
        if waiting and sum(map(len, waiting)) + len(waiting) + len(line) > size:
            yield b"\n".join(waiting)
            waiting = []
        waiting.append(line)
    yield b"\n".join(waiting)


def _rates(
    case: str, sidecars: dict[str, Sidecar], lines: Callable[[], Sequence[bytes]], size: int
) -> Iterator[Figure]:
    best = dict.fromkeys(sidecars, 0.0)
    for _ in range(ROUNDS):
        given = lines()
        datagrams = list(_packed(given, size))
        durations = sum(line.startswith(b"features.time:") for line in given)
        for name, sidecar in sidecars.items():
            seconds = _seconds(sidecar, durations, partial(send, sidecar, datagrams))
            best[name] = max(best[name], len(given) / seconds)
    case = f"exporter.statsd.{case}"
    for name, rate in best.items():
        yield Figure(name=f"{case}.{name}", value=rate, unit="lines/s")
    if THEIRS in best:
        ratio, goal = growth(best[THEIRS], best[OURS]), at_least(AGAINST_THEIRS)
        yield Figure(name=f"{case}.against_{THEIRS}", value=ratio, unit="ratio", goal=goal)


def _seconds(sidecar: Sidecar, durations: int, give: Callable[[], None]) -> float:
    """Processor seconds for all that is given, without those for showing it.

    Raises:
        BenchError: not all of it was counted.

    """
    wanted = sidecar.durations() + durations
    before = sidecar.processor_seconds()
    give()
    seconds = sidecar.settled(before) - before
    counted = sidecar.durations()
    if counted != wanted:
        raise BenchError(f"{counted:g} of {wanted:g} durations were counted at {sidecar.page}")
    return seconds


def _json(processes: Processes, folder: Path) -> Figure:
    file = folder / "features.jsonl"
    file.touch()
    source = {"type": "file", "path": str(file), "map": _JSON_MAP}
    sidecar = start_ours(processes, folder, source)
    text = "".join(_records(LINES))

    def write() -> None:
        with file.open("a", encoding="utf-8") as log:
            log.write(text)

    seconds = min(_seconds(sidecar, LINES, write) for _ in range(ROUNDS))
    goal = at_least(JSON_RATE)
    return Figure(name="exporter.json_lines", value=LINES / seconds, unit="lines/s", goal=goal)


def _records(number: int) -> Iterator[str]:
    chance = random.Random(2)  # noqa: S311 - the same ones in each run
    for _ in range(number):
        record = {
            "latency_ms": round(chance.lognormvariate(3, 0.8), 3),
            "cache": chance.choice(("hit", "miss")),
            "error": None,
        }
        yield json.dumps(record) + "\n"
