"""Sends the work on stdin (see workload.py) with a client of Python: client.py NAME MODE ADDRESS.

Prints the sum of its durations in seconds, if it is another one than that of the work.
"""

import sys
from datetime import timedelta

from datadog import DogStatsd
from statsd import StatsClient, TCPStatsClient

TAGS = ["env:prod", "zone:b"]


def datadog(mode, where):
    """Make DogStatsd in one of its modes."""
    options = {
        "plain": {},
        "aggregated": {"disable_buffering": False, "disable_aggregation": False},
        "aggregated, packed values": {
            "disable_buffering": False,
            "disable_aggregation": False,
            "max_metric_samples_per_context": 1000,
        },
    }
    buffered = {"disable_buffering": False}
    return DogStatsd(**where, constant_tags=TAGS, **options.get(mode, buffered))


def measure(client, times):
    """Let the client measure *times* durations itself, and say what they came to."""
    seconds = 0.0
    for _ in range(times):
        with client.timed("features.time") as timed:
            pass
        seconds += timed.elapsed
    print(seconds)


def with_datadog(mode, where, work):
    """Send with datadogpy."""
    client = datadog(mode, where)
    if mode == "timed(), in seconds":
        measure(client, len(work["milliseconds"]))
    else:
        for milliseconds in work["milliseconds"]:
            client.timing("features.time", milliseconds)
    for name, times in (("hit", work["hits"]), ("miss", work["misses"])):
        for _ in range(times):
            client.increment(f"features.cache.{name}")
    for kind in work["errors"]:
        client.increment(f"features.errors.{kind}")
    for depth in work["queue"]:
        client.gauge("features.queue", depth)
    client.set("other.users", "u17")
    client.decrement("other.level")
    client.histogram("other.size", 3)
    client.distribution("other.size", 3)
    client.event("title", "text")
    client.service_check("check", client.WARNING)
    client.flush_aggregated_metrics()
    client.flush()
    client.stop()


def with_statsd(mode, where, work):
    """Send with statsd."""
    client = (TCPStatsClient if mode == "TCP" else StatsClient)(**where)
    sender = client.pipeline() if mode == "pipeline" else client
    for milliseconds in work["milliseconds"]:
        sender.timing("features.time", timedelta(milliseconds=milliseconds))
    for name, times in (("hit", work["hits"]), ("miss", work["misses"])):
        for _ in range(times):
            sender.incr(f"features.cache.{name}")
    for kind in work["errors"]:
        sender.incr(f"features.errors.{kind}")
    for depth in work["queue"]:
        sender.gauge("features.queue", depth)
    sender.set("other.users", "u17")
    sender.decr("other.level")
    sender.gauge("other.level", -3, delta=True)
    if mode == "pipeline":
        sender.send()
    client.close()


def read():
    """Return the work."""
    milliseconds, hits, misses, errors, queue = (line.split() for line in sys.stdin)
    return {
        "milliseconds": list(map(int, milliseconds)),
        "hits": int(hits[0]),
        "misses": int(misses[0]),
        "errors": errors,
        "queue": list(map(int, queue)),
    }


def main():
    """Send what stdin says."""
    name, mode, address = sys.argv[1:]
    host, _, port = address.partition(":")
    where = {"host": host, "port": int(port)} if port else {"socket_path": address}
    send = {"datadog": with_datadog, "statsd": with_statsd}[name]
    send(mode, where, read())


if __name__ == "__main__":
    main()
