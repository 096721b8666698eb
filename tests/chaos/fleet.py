"""Receivers that are killed and started again, each at an address of its own."""

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import yaml
from receiver.payloads import Json
from receiver.processes import Replica
from waiting import PATIENCE_SECONDS, eventually

from featurewatch_kit.demo.processes import free_port

#: Who is killed: the process that works, the one that looks after it, or both.
VICTIMS = ("both", "child", "parent")


class Fleet:
    """Some receivers on one database."""

    def __init__(self, settings: Json, folder: Path, size: int) -> None:
        self._folder = folder
        self._files = [self._write(settings, number) for number in range(size)]
        self._groups: list[int] = []
        self.replicas: list[Replica] = []

    def _write(self, settings: Json, number: int) -> Path:
        file = self._folder / f"receiver-{number}.yaml"
        own = {"listen": f"127.0.0.1:{free_port()}"}
        file.write_text(yaml.safe_dump(settings | {"receiver": settings["receiver"] | own}))
        return file

    def start(self) -> None:
        self.replicas = [self._start(number) for number in range(len(self._files))]

    def _start(self, number: int) -> Replica:
        file = self._files[number]
        replica = Replica(file, self._folder / f"receiver-{number}.log")
        replica.url = f"http://{yaml.safe_load(file.read_text())['receiver']['listen']}"
        self._groups.append(replica.process.pid)
        return replica

    def ready(self, number: int) -> None:
        replica = self.replicas[number]
        eventually(lambda: self._is_ready(replica))

    def _is_ready(self, replica: Replica) -> bool:
        assert replica.process.poll() is None, replica.log.read_text()[-2000:]
        return replica.answers("/readyz")

    def kill(self, number: int, victim: str) -> None:
        """kill -9, and start again what does not start by itself."""
        replica = self.replicas[number]
        if victim == "child":
            with suppress(psutil.NoSuchProcess, IndexError):
                replica.child().kill()
                return  # one that has no child yet is killed as a whole
        if victim == "parent":
            os.kill(replica.process.pid, signal.SIGKILL)
            eventually(lambda: not _living(replica.process.pid))
        replica.kill()
        self.replicas[number] = self._start(number)

    def kill_one(self, rng: random.Random) -> None:
        self.kill(rng.randrange(len(self.replicas)), rng.choice(VICTIMS))

    def stop(self) -> None:
        """Ask all to end, as a supervisor would; whoever does not is an error."""
        for replica in self.replicas:
            replica.process.terminate()
        for replica in self.replicas:
            assert replica.process.wait(PATIENCE_SECONDS) == 0, replica.log.read_text()[-2000:]
        left = [pid for group in self._groups for pid in _living(group)]
        assert not left

    def close(self) -> None:
        for replica in self.replicas:
            replica.kill()


def _living(group: int) -> list[int]:
    """Who lives of a process group."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found
