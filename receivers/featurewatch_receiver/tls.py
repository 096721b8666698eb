"""Serves TLS with certificates that are replaced without a restart."""

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from featurewatch_receiver import logs
from featurewatch_receiver.config.receiver import Tls
from featurewatch_receiver.errors import ConfigError


class Certificates:
    """The context of new connections, made again whenever one of its files changes."""

    def __init__(self, tls: Tls):
        """Read the files.

        Raises:
            ConfigError: a file is missing, holds something else, or doesn't fit the others.

        """
        self._tls = tls
        self._lock = threading.Lock()
        self._stamps = self._look()
        self._context = make_context(tls)

    def gunicorn_settings(self) -> dict[str, Any]:
        """What gunicorn is told to serve TLS."""
        tls = self._tls
        return {
            "certfile": tls.cert_file,
            "keyfile": tls.key_file,
            "ssl_context": lambda _config, _default: self.current(),
        }

    def current(self) -> ssl.SSLContext:
        """Return the context that holds now; the last good one while the files don't fit."""
        with self._lock:
            stamps = self._look()
            if stamps != self._stamps:
                self._stamps = stamps
                try:
                    self._context = make_context(self._tls)
                except ConfigError as error:
                    logs.trouble("certificates can't be used", reason=str(error))
            return self._context

    def _look(self) -> list[tuple[int, int] | None]:
        files = (self._tls.cert_file, self._tls.key_file, self._tls.client_ca_file)
        return [_stamp(Path(file)) for file in files if file]


def make_context(tls: Tls) -> ssl.SSLContext:
    """Return a server's context; with a `client_ca_file` every client must show a certificate.

    Raises:
        ConfigError: a file is missing, holds something else, or doesn't fit the others.

    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # Debian's Python leaves it to a file of the system, which may be gone.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    pair = f"{tls.cert_file} and {tls.key_file}"
    _use("cert_file", pair, lambda: context.load_cert_chain(tls.cert_file, tls.key_file, _no_word))
    if file := tls.client_ca_file:
        _use("client_ca_file", file, lambda: context.load_verify_locations(file))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _use(key: str, files: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        cause = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        fix = "write PEM files that belong together, a key without passphrase"
        raise ConfigError(
            [f"receiver.tls.{key}: {files} can't be used ({cause}); {fix}"]
        ) from error


def _no_word() -> str:
    """OpenSSL would otherwise ask at the terminal."""
    raise ValueError("the key has a passphrase")


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
