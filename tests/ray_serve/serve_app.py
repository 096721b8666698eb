"""A Ray Serve application of two replicas with known traffic; runs in the environment with Ray.

Arguments: Ray's folder, its metrics port. A line of input is a number of calls to make, or
`delete`; the answer is a line of JSON, how many of all calls each replica has had. It ends with
its input.
"""

import json
import sys
from collections import Counter

import ray
from ray import serve

from featurewatch.ray import Extractor, watch_resources

REPLICAS = 2
ANSWER_SECONDS = 60
# At module level: Ray sends a copy to each replica.
decorated = Extractor("decorated")


@serve.deployment(num_replicas=REPLICAS, ray_actor_options={"num_cpus": 0.1})
class Features:
    """A first extraction at the start, and 100 for each call."""

    def __init__(self):
        self.extractor = Extractor("on_ray")
        watch_resources("on_ray")
        # So that every series is there before the first call.
        self.extractor.record(0.05, cache_hit=True, error="ModelError", fallback="timeout")

    def __call__(self):
        """Extract: 90 fast hits; 10 slow misses, of which 5 fail and 4 fall back."""
        self.extractor.record_batch([0.05] * 90, cache_hits=[True] * 90)
        for number in range(10):
            self.extractor.record(
                0.15,
                cache_hit=False,
                error="ModelError" if number < 5 else None,
                fallback="timeout" if number < 4 else None,
            )
        self.decorated()
        return serve.get_replica_context().replica_id.unique_id

    @decorated.instrument
    def decorated(self):
        """One extraction of the extractor at module level."""


def start(folder, port):
    """Start Ray and the application."""
    ray.init(
        num_cpus=1,
        dashboard_host="127.0.0.1",
        object_store_memory=100 * 1024 * 1024,
        log_to_driver=False,
        _metrics_export_port=port,
        _temp_dir=folder,
        _system_config={"metrics_report_interval_ms": 1000},
    )
    serve.start(proxy_location="Disabled")
    return serve.run(Features.bind())


def main():
    """Serve until the input ends."""
    handle = start(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"ray": ray.__version__}), flush=True)
    calls = Counter()
    for line in sys.stdin:
        if line.strip() == "delete":
            serve.delete("default")
        else:
            answers = [handle.remote() for _ in range(int(line))]
            calls.update(answer.result(timeout_s=ANSWER_SECONDS) for answer in answers)
        print(json.dumps(calls), flush=True)
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
