"""People: who a token or a proxy's header stands for.

Tokens are random, so their plain SHA-256 can't be turned back; only that is stored.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Protocol

from featurewatch_receiver import logs
from featurewatch_receiver.config.access_rules import Access, Proxy, User, UsersFile
from featurewatch_receiver.config.file import Problem, load
from featurewatch_receiver.errors import ConfigError, UnknownPersonError, UsersFileError
from featurewatch_receiver.states import Role

_LONGEST_NAME = 200
# A change so long ago is seen by its time alone.
_YOUNG_SECONDS = 1.0
_COMMAND = "featurewatch-receiver token"
UNKNOWN = f"Authorization: is missing or wrong; send 'Bearer TOKEN' ('{_COMMAND}' makes one)"

Version = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who is known."""

    name: str
    role: Role
    #: Signed in by the proxy: a browser sends that along with whatever another page makes it send.
    by_proxy: bool = False


def new_user(name: str, role: Role) -> tuple[str, str]:
    """Return a new token, and its line for the users' file.

    Raises:
        ConfigError: the name is none.

    """
    if not is_name(name):
        raise ConfigError([f"--name: {name!r} is no name; write a short text without commas"])
    token = secrets.token_urlsafe(32)
    quoted = name.replace("'", "''")
    return token, f"  - {{name: '{quoted}', role: {role}, token_sha256: '{digest(token)}'}}"


def is_name(text: str) -> bool:
    """Whether it can be a person's name. A comma would be two headers that were made one."""
    usable = text.isprintable() and "," not in text and text == text.strip()
    return usable and 0 < len(text) <= _LONGEST_NAME


def read_users(file: Path) -> list[User]:
    """Read the users' file.

    Raises:
        ConfigError: it can't be read, or does not fit; with one line per fault.

    """
    return load([file], UsersFile, _faults).users


def _faults(content: UsersFile) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, user in enumerate(content.users):
        path = ("users", number)
        if not is_name(user.name):
            yield Problem(path=path, message="name is none; write a short text without commas")
        if not _is_digest(user.token_sha256):
            fix = f"write what '{_COMMAND}' prints"
            yield Problem(path=path, message=f"token_sha256 is not 64 hexadecimal digits; {fix}")
        for word in (f"name {user.name}", f"token {user.token_sha256}"):
            if word in seen:
                what = word.partition(" ")[0]
                yield Problem(path=path, message=f"its {what} is there twice; leave one of them")
            seen.add(word)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def digest(token: str) -> str:
    """Return what the users' file holds of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class Headers(Protocol):
    """What is asked of a request's headers."""

    def get(self, name: str, default: str) -> str:
        """Return a header, or the default."""


class Door:
    """Tells who asks. The users' file is read anew when it changes; a broken one lets nobody in."""

    def __init__(self, access: Access):
        self._file = Path(access.users_file) if access.users_file else None
        self._proxy = access.proxy
        self._known: tuple[Version | None, list[User] | None] | None = None

    def person(self, authorization: str, headers: Headers, address: str | None) -> Person:
        """Return who it is.

        Raises:
            UnknownPersonError: nobody that is known.
            UsersFileError: the users' file can't be used now.

        """
        if signed_in := self.signed_in(headers, address):
            return signed_in
        scheme, _, token = authorization.partition(" ")
        given = digest(token.strip())
        found = None
        for user in self._users():  # every one of them: the time taken tells nothing
            if hmac.compare_digest(user.token_sha256, given) and scheme.lower() == "bearer":
                found = Person(name=user.name, role=user.role)
        if found is None:
            raise UnknownPersonError(UNKNOWN)
        return found

    def signed_in(self, headers: Headers, address: str | None) -> Person | None:
        """Return whom the proxy has signed in; None: nobody, or it is no such proxy."""
        if self._proxy is None or not (name := _signed_in(self._proxy, headers, address)):
            return None
        role = Role.RESPONDER if name in self._proxy.responders else Role.VIEWER
        return Person(name=name, role=role, by_proxy=True)

    def known(self, name: str, token_sha256: str) -> Person | None:
        """Return who has that token now; None: nobody of this name has it any more.

        Raises:
            UsersFileError: the users' file can't be used now.

        """
        for user in self._users():
            if user.name == name and hmac.compare_digest(user.token_sha256, token_sha256):
                return Person(name=user.name, role=user.role)
        return None

    def _users(self) -> list[User]:
        if self._file is None:
            return []
        version = _version(self._file)
        if self._known is None or self._known[0] != version or _is_young(version):
            self._known = (version, self._read(self._file))
        if self._known[1] is None:
            raise UsersFileError("access.users_file: can't be used; see the receiver's log")
        return self._known[1]

    def _read(self, file: Path) -> list[User] | None:
        try:
            return read_users(file)
        except ConfigError as error:
            logs.trouble("users' file can't be used", error)
            return None


def _signed_in(proxy: Proxy, headers: Headers, address: str | None) -> str | None:
    name = _utf8(headers.get(proxy.user_header, ""))
    return name if is_name(name) and _is_among(address, proxy.addresses) else None


def _utf8(header: str) -> str:
    """The text of a header, which a server hands over as if it were Latin-1."""
    return header.encode("latin-1", "replace").decode("utf-8", "replace")


def _is_among(address: str | None, networks: list[str]) -> bool:
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    # Whoever comes by IPv4 to a receiver that listens on [::].
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in ip_network(network, strict=False) for network in networks)


def _is_young(version: Version | None) -> bool:
    """Written again within the clock's own step, it would look the same."""
    return version is not None and time.time() - version[0] / 1e9 < _YOUNG_SECONDS


def _version(file: Path) -> Version | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
