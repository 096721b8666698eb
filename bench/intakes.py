"""The servers that `intake` compares: each a real process on a free port of loopback."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import requests
import yaml

from bench.deliveries import PATH, TOKEN
from bench.figures import BenchError
from bench.floor import DATABASE
from bench.targets import HOST
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_receiver.connections import THREADS

CONFIG = "receiver.yaml"
#: Where the package `webhook` is unpacked; scripts/apt-unpack.sh fetches it.
TOOLS = ".tools-bench"
_FETCH_SECONDS = 300
_INBOX = "featurewatch_receiver_inbox_deliveries"
_DRAIN_SECONDS, _DRAIN_LOOK_SECONDS = 120.0, 0.1


def start_ours(
    processes: Processes, root: Path, folder: Path, changes: Callable[[Any], None]
) -> int:
    """`featurewatch-receiver serve` on the generated configuration, with `changes` made to it."""
    port = free_port()
    config = yaml.safe_load((root / "receivers/generated/receiver.yaml").read_text("utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text(TOKEN, encoding="ascii")
    config["receiver"] |= {
        "listen": f"{HOST}:{port}",
        "token_file": str(folder / "token"),
        "database": f"sqlite:///{folder}/receiver.db",
        "runbook_file": str(root / "docs/runbook.md"),
        "alertmanager_url": None,
        "prometheus_url": None,
    }
    changes(config)
    file = folder / CONFIG
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "featurewatch_receiver", "serve", "--config", str(file)]
    processes.start(f"ours-{folder.name}", command)
    _wait(processes, "the receiver", f"http://{HOST}:{port}/readyz", 200)
    return port


def start_floor(processes: Processes, root: Path, folder: Path) -> int:
    """bench/floor.py on gunicorn, as the receiver runs."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--worker-class=gthread", "--workers=1"]
    command += [f"--threads={THREADS}", f"--bind={HOST}:{port}", "bench.floor:make()"]
    processes.start(
        "floor",
        command,
        folder=root,
        **{DATABASE: str(folder / "floor.db"), "PYTHONPATH": str(root)},
    )
    _wait(processes, "the floor", f"http://{HOST}:{port}{PATH}", 405)
    return port


def start_webhook(processes: Processes, root: Path, folder: Path) -> int:
    """Debian's package `webhook`, which runs /bin/true for each delivery and keeps nothing.

    It answers when the command has ended. By default it answers at once, however many wait.

    Raises:
        BenchError: it can't be fetched.

    """
    program, port = _webhook(root), free_port()
    hooks = folder / "hooks.json"
    prefix, name = PATH.strip("/").rsplit("/", 1)
    hook: dict[str, Any] = {"id": name, "execute-command": "/bin/true", "http-methods": ["POST"]}
    hook["include-command-output-in-response"] = True
    hooks.write_text(json.dumps([hook]), encoding="utf-8")
    command = [str(program), f"-hooks={hooks}", f"-ip={HOST}", f"-port={port}"]
    processes.start("webhook", [*command, f"-urlprefix={prefix}"])
    _wait(processes, "webhook", f"http://{HOST}:{port}/", 200)
    return port


def _webhook(root: Path) -> Path:
    program = root / TOOLS / "usr/bin/webhook"
    if not program.is_file():
        command = [str(root / "scripts/apt-unpack.sh"), str(root / TOOLS), "webhook"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_FETCH_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            raise BenchError("Debian's package webhook can't be fetched here") from error
    return program


def drain(port: int) -> float:
    """Wait until the receiver has applied all that it accepted, and return the seconds.

    Raises:
        BenchError: that takes too long.

    """
    began = time.perf_counter()
    while time.perf_counter() - began < _DRAIN_SECONDS:
        lines = requests.get(f"http://{HOST}:{port}/metrics", timeout=30).text.splitlines()
        if f"{_INBOX} 0.0" in lines:
            return time.perf_counter() - began
        time.sleep(_DRAIN_LOOK_SECONDS)
    raise BenchError(f"deliveries still wait to be applied after {_DRAIN_SECONDS:g} s")


def memory(config: Path) -> int:
    """Resident bytes of every process of the receiver that was started on that file.

    Raises:
        BenchError: there is none.

    """
    total = 0
    for process in psutil.process_iter(["cmdline", "memory_info"]):
        if str(config) in (process.info["cmdline"] or []):
            total += process.info["memory_info"].rss
    if not total:
        raise BenchError(f"no process runs on {config}")
    return total


def _wait(processes: Processes, what: str, url: str, status: int) -> None:
    def answers() -> bool:
        try:
            return requests.get(url, timeout=5).status_code == status
        except requests.ConnectionError:
            return False

    processes.wait_until(f"{what} answers", answers)
