"""A Ray cluster of one node, without an application; runs in the environment with Ray.

Arguments: Ray's folder, the dashboard's port. It says so when it is up, and ends with its input.
"""

import json
import sys

import ray
from ray import serve


def main():
    """Run until the input ends."""
    ray.init(
        num_cpus=2,
        include_dashboard=True,
        dashboard_host="127.0.0.1",
        dashboard_port=int(sys.argv[2]),
        object_store_memory=100 * 1024 * 1024,
        log_to_driver=False,
        _temp_dir=sys.argv[1],
    )
    print(json.dumps({"ray": ray.__version__}), flush=True)
    sys.stdin.read()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
