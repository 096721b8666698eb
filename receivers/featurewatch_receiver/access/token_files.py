"""Reads bearer tokens from their files, again and again: they are replaced without a restart."""

import hmac
import math
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path

from featurewatch_receiver import logs
from featurewatch_receiver.config.backends import BackendConfig
from featurewatch_receiver.config.receiver import ReceiverConfig
from featurewatch_receiver.errors import ConfigError

# So long a token holds without a look at its file; one that is not held leads to a look at once.
_LOOK_SECONDS = 1.0
# A change so long ago is seen by its time alone.
_YOUNG_SECONDS = 1.0

Stamp = tuple[int, int, int] | None


class TokenFile:
    """A token that is read again whenever its file changes."""

    def __init__(self, key: str, file: str, *, keep: bool):
        """`keep`: the last good token holds while the file is missing or holds none."""
        self._key = key
        self._file = Path(file)
        self._keep = keep
        self._looked_at = -math.inf
        self._stamp: Stamp = (0, 0, 0)  # no file's
        self._young = False
        self._token: str | None = None
        self._lock = threading.Lock()

    def token(self, *, anew: bool = False) -> str | None:
        """Return the token that holds now, or did a second ago unless it is looked for `anew`."""
        if anew or time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            with self._lock:
                self._renew()
        return self._token

    def _renew(self) -> None:
        stamp = self._look()
        if stamp != self._stamp or self._young:
            self._read(tell=stamp != self._stamp)
            # Written again within the clock's own step, it would look the same.
            self._young = stamp is not None and time.time() - stamp[1] / 1e9 < _YOUNG_SECONDS
            self._stamp = stamp
        self._looked_at = time.monotonic()

    def _look(self) -> Stamp:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self, *, tell: bool) -> None:
        problems: list[str] = []
        token = _read(self._key, str(self._file), problems)
        if not problems:
            self._token = token
            return
        if tell and (self._keep or self._file.exists()):
            logs.trouble("token file can't be used", reason=problems[0])
        if not self._keep:
            self._token = None


class Tokens:
    """The secrets of one process; never shown."""

    def __init__(self, config: ReceiverConfig):
        receiver = config.receiver
        self._files = [TokenFile("receiver.token_file", receiver.token_file, keep=True)]
        if old := receiver.old_token_file:
            self._files.append(TokenFile("receiver.old_token_file", old, keep=False))

    def accepts(self, authorization: str) -> bool:
        """Whether a header `Authorization` bears a token that holds, or did a second ago."""
        given = authorization.encode()
        return self._accepts(given) or self._accepts(given, anew=True)

    def _accepts(self, given: bytes, *, anew: bool = False) -> bool:
        tokens = [token for file in self._files if (token := file.token(anew=anew))]
        valid = [f"Bearer {token}".encode() for token in tokens]
        return sum(hmac.compare_digest(given, token) for token in valid) > 0  # all, in equal time


def read_tokens(config: ReceiverConfig) -> Tokens:
    """Read every token that the configuration names; `old_token_file` may be gone already.

    Raises:
        ConfigError: a file is missing, empty, or holds something else.

    """
    problems: list[str] = []
    _read("receiver.token_file", config.receiver.token_file, problems)
    for name, backend in config.backends.items():
        if secret := _secret_file(backend):
            _read(f"backends.{name}.{secret[0]}", secret[1], problems)
    if problems:
        raise ConfigError(problems)
    return Tokens(config)


def tell_readable(config: ReceiverConfig) -> None:
    """Log which files with secrets everybody on this machine can read."""
    files = {
        "receiver.token_file": config.receiver.token_file,
        "receiver.old_token_file": config.receiver.old_token_file,
        "access.users_file": config.access.users_file,
    }
    for name, backend in config.backends.items():
        if secret := _secret_file(backend):
            files[f"backends.{name}.{secret[0]}"] = secret[1]
    for key, file in files.items():
        if file and _is_for_others(Path(file)):
            reason = f"{key}: everybody can read {file}; run `chmod o-rwx {file}`"
            logs.trouble("secret readable by others", reason=reason)


def _is_for_others(file: Path) -> bool:
    with suppress(OSError):
        return bool(file.stat().st_mode & stat.S_IRWXO)
    return False


def read_token(key: str, file: str) -> str:
    """Read one token, which the configuration names at `key`.

    Raises:
        ConfigError: the file is missing, empty, or holds something else.

    """
    problems: list[str] = []
    token = _read(key, file, problems)
    if problems:
        raise ConfigError(problems)
    return token


def read_backend_secret(name: str, backend: BackendConfig) -> str | None:
    """Read the secret of a backend anew, since it may have been replaced; None if it has none.

    Raises:
        ConfigError: the file is missing, empty, or holds something else.

    """
    problems: list[str] = []
    secret = _secret_file(backend)
    found = _read(f"backends.{name}.{secret[0]}", secret[1], problems) if secret else None
    if problems:
        raise ConfigError(problems)
    return found


def _read(key: str, file: str, problems: list[str]) -> str:
    try:
        token = Path(file).read_text(encoding="ascii").strip()
    except OSError as error:
        problems.append(f"{key}: {file} can't be read ({error.strerror}); put the token there")
        return ""
    except UnicodeDecodeError:
        token = ""
    if not token.isprintable() or not token or " " in token:
        fix = "write one line of ASCII letters, digits and signs"
        problems.append(f"{key}: {file} holds no token; {fix}")
    return token


def _secret_file(backend: BackendConfig) -> tuple[str, str] | None:
    """Return key and file of a backend's secret, or None: it has none."""
    for key in ("token_file", "password_file"):
        if file := getattr(backend, key, None):
            return key, file
    return None
