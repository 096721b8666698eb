"""Runs a command beside a control plane: python -m control_plane FOLDER COMMAND...

FOLDER has what scripts/build-kubernetes.sh built. The command finds the plane by KUBECONFIG, and
its files and logs in the folder that CONTROL_PLANE names.
"""

import os
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from control_plane.plane import running

LOG_BYTES = 3000


def _ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def main(tools: str, *command: str) -> int:
    """Run the command and return its status."""
    with tempfile.TemporaryDirectory(prefix="control-plane-") as name:
        folder = Path(name)
        try:
            with running(Path(tools).resolve(), folder, _ports(3)) as plane:
                env = {"KUBECONFIG": str(plane.kubeconfig), "CONTROL_PLANE": name}
                return subprocess.run(command, env=os.environ | env, check=False).returncode
        except AssertionError:
            for log in sorted(folder.glob("*.log")):
                print(f"== {log.name}\n{log.read_text()[-LOG_BYTES:]}", file=sys.stderr)
            raise


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
