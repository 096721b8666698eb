"""Real Redis servers on free ports of the loopback interface, alone or as a cluster."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis
import unpacked
import waiting
from redis.backoff import NoBackoff
from redis.retry import Retry
from unpacked import Program

from featurewatch_receiver.backends.redis import RedisClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import RedisBackend as Settings

ROOT = Path(__file__).parents[4]
SLOTS = 16_384
PASSWORD = "correct-horse-battery"
#: Names the server that `make test-cache` has chosen.
CHOSEN = "FEATUREWATCH_CACHE"


def eventually(look: Callable[[], Any]) -> None:
    """Wait until something holds; a server that does not answer yet holds nothing."""
    waiting.eventually(look, despite=(redis.RedisError,))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def server_program() -> Program:
    """The one of `make servers`, or that of which `make test-cache` says the path."""
    if chosen := os.environ.get(CHOSEN):
        return Program(Path(chosen), dict(os.environ))
    program = unpacked.find("redis-server", ".tools-redis", "usr/bin/redis-server")
    assert program, "no redis-server; run `make servers` (Debian, Ubuntu), or put one on PATH"
    return program


def version() -> str:
    """What it says of itself: `Valkey server v=9.1.2 ...`."""
    program = server_program()
    words = [program.path, "--version"]
    return subprocess.run(
        words, env=program.environment, capture_output=True, text=True, check=True
    ).stdout


class Server:
    """One server in a folder of its own."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.options = {"save": "", "appendonly": "no", "repl-diskless-sync-delay": "0"} | options
        folder.mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen[bytes]
        self.client = redis.Redis(
            port=self.port, password=options.get("requirepass"), retry=Retry(NoBackoff(), 0)
        )
        self.start()

    def start(self, **options: str) -> None:
        program = server_program()
        chosen = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder)}
        chosen |= self.options | options
        words = [word for key, value in chosen.items() for word in (f"--{key}", value)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program.path, *words],
                env=program.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        eventually(self.speaks)

    def speaks(self) -> bool:
        """It answers, if only that it is busy."""
        try:
            return bool(self.client.ping())
        except redis.BusyLoadingError:
            return True

    def fill(self, prefix: str, count: int) -> None:
        pipeline = self.client.pipeline(transaction=False)
        for number in range(count):
            pipeline.set(f"{prefix}{number}", "x")
        pipeline.execute()

    def hang(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.client.close()
        self.kill()


@contextlib.contextmanager
def running(folder: Path, **options: str) -> Iterator[Server]:
    server = Server(folder, **options)
    try:
        yield server
    finally:
        server.close()


class Cluster:
    """Three primaries that share the slots, in the order in which they are cleared."""

    def __init__(self, servers: list[Server], last: int) -> None:
        self.servers = sorted(servers, key=lambda server: server.port)
        half = (SLOTS - last) // 2
        ends = [half, SLOTS - last, SLOTS]
        for number, server in enumerate(self.servers):
            server.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            begin = 0 if number == 0 else ends[number - 1]
            server.client.execute_command("CLUSTER", "ADDSLOTSRANGE", begin, ends[number] - 1)
        for server in servers[1:]:
            servers[0].client.execute_command(
                "CLUSTER", "MEET", "127.0.0.1", server.port, server.options["cluster-port"]
            )
        eventually(self.is_whole)

    def is_whole(self) -> bool:
        return all(
            b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info
            for server in self.servers
            for info in [server.client.execute_command("CLUSTER", "INFO")]
        )

    def fill(self, prefix: str, count: int) -> None:
        """Set keys, each at the server that has its slot."""
        with redis.RedisCluster(host="127.0.0.1", port=self.servers[0].port) as client:
            pipeline = client.pipeline()
            for number in range(count):
                pipeline.set(f"{prefix}{number}", "x")
            pipeline.execute()

    def sizes(self) -> list[int]:
        return [int(server.client.dbsize()) for server in self.servers]


@contextlib.contextmanager
def cluster_running(folder: Path, last: int = SLOTS // 3, **more: str) -> Iterator[Cluster]:
    """A cluster whose last server has so many slots, and the others as many as each other."""
    with contextlib.ExitStack() as stack:
        options = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": "1000",
            "cluster-require-full-coverage": "no",
        } | more
        servers = [
            stack.enter_context(
                running(folder / str(number), **options, **{"cluster-port": str(free_port())})
            )
            for number in range(3)
        ]
        yield Cluster(servers, last)


def settings(port: int, **changes: Any) -> Settings:
    """The backend of a server, with the cache `features` that begins with `feat:`."""
    return Settings.model_validate(
        {
            "kind": "redis",
            "url": f"redis://127.0.0.1:{port}",
            "request_timeout": "2s",
            "caches": {"features": {"prefix": "feat:"}},
        }
        | changes
    )


def clear(
    port: int, *, deadline: Deadline | None = None, password: str | None = None, **changes: Any
) -> int:
    """Clear the cache `features`."""
    backend = RedisClient(settings(port, **changes), password, deadline or Deadline(60))
    with contextlib.closing(backend):
        return backend.clear_cache("features", "a key")


def documented_user() -> list[str]:
    """The command of docs/backends.md that makes the user `remediator`."""
    lines = (ROOT / "docs/backends.md").read_text(encoding="utf-8").splitlines()
    [command] = [line for line in lines if line.startswith("ACL SETUSER remediator ")]
    return command.replace(">PASSWORD", f">{PASSWORD}").split()
