"""Addresses as people write them: 127.0.0.1:9102, [::1]:9102, unix:///run/statsd.sock."""

import re
from pathlib import Path
from typing import NamedTuple

_FORM = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]/]+)):(?P<port>\d{1,5})")
_LAST_PORT = 65535
#: What carries statsd; the first is meant where none is named.
UDP, TCP, UNIX = TRANSPORTS = ("udp", "tcp", "unix")
#: Bytes; the kernel takes no longer path of a socket (sockaddr_un, with its end).
_LONGEST_PATH = 107


class Address(NamedTuple):
    """A host (or its number) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Endpoint(NamedTuple):
    """Where something listens: a port of UDP or TCP, or the path of a datagram socket."""

    transport: str
    #: A path for ``UNIX``, else host and port.
    place: Address | Path

    def __str__(self) -> str:
        return f"{self.transport}://{self.place}"


def parse_address(text: str) -> Address:
    """Return the address; raise ``ValueError`` for anything else."""
    match = _FORM.fullmatch(text)
    if not match or int(match["port"]) > _LAST_PORT:
        raise ValueError("must be HOST:PORT, an IPv6 host in brackets, and a port up to 65535")
    return Address(match["six"] or match["host"], int(match["port"]))


def parse_endpoint(text: str) -> Endpoint:
    """Return the endpoint; raise ``ValueError`` for anything else.

    Without ``udp://``, ``tcp://`` or ``unix://`` it is a port of UDP.
    """
    transport, separator, place = text.partition("://")
    if not separator:
        return Endpoint(UDP, parse_address(text))
    if transport not in TRANSPORTS:
        raise ValueError(f"must begin with {', '.join(f'{name}://' for name in TRANSPORTS)}")
    if transport != UNIX:
        return Endpoint(transport, parse_address(place))
    if not place.startswith("/") or "\0" in place or len(place.encode()) > _LONGEST_PATH:
        raise ValueError(
            f"must name a socket by its absolute path of at most {_LONGEST_PATH} bytes"
        )
    return Endpoint(UNIX, Path(place))
