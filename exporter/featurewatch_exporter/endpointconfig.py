"""Reads the part of the configuration that says where statsd is taken, and how."""

import math
import re
from itertools import combinations

from featurewatch_exporter.address import Address, Endpoint, parse_endpoint
from featurewatch_exporter.configfile import Table, shown

#: Bytes. A small datagram takes 832 bytes of twice this, so 40,000 of them can wait.
RECEIVE_BUFFER = 16 * 1024 * 1024
#: Everybody on this machine may send, as to a port of 127.0.0.1.
SOCKET_MODE = "0666"
_EXAMPLE = "127.0.0.1:8125"
#: The kernel takes an int, and doubles it.
_LARGEST_BUFFER = 512 * 1024 * 1024


def read_endpoints(table: Table) -> tuple[Endpoint, ...]:
    """Return where a source listens, none after a fault: one place, or a list of them."""
    given = table.data.get("listen")
    if not isinstance(given, list):
        given = [table.text("listen", _EXAMPLE)]
    elif not given or not all(isinstance(text, str) and text for text in given):
        fix = f'write for example "listen": {shown([_EXAMPLE, f"tcp://{_EXAMPLE}"])}'
        table.wrong("listen", "text that is not empty, or a list of such texts", fix)
        return ()
    endpoints = tuple(filter(None, (_endpoint(table, text) for text in given if text)))
    if any(same_place(one, other) for one, other in combinations(endpoints, 2)):
        table.wrong("listen", "different places", "write each of them once")
    return endpoints


def same_place(one: Endpoint, other: Endpoint) -> bool:
    """Whether not both can listen there; port 0 is a free one each time."""
    return one == other and not (isinstance(one.place, Address) and one.place.port == 0)


def receive_buffer(table: Table) -> int:
    """Return the bytes that the kernel is asked to keep, 0 after a fault."""
    size = table.number(
        "receive_buffer_bytes",
        RECEIVE_BUFFER,
        low=1,
        high=_LARGEST_BUFFER,
        example=RECEIVE_BUFFER,
    )
    return 0 if math.isnan(size) else int(size)


def socket_mode(table: Table) -> int:
    """Return the permissions of sockets in the file system, 0 after a fault."""
    text = table.text("socket_mode", SOCKET_MODE, SOCKET_MODE)
    if text and not re.fullmatch("0?[0-7]{3}", text):
        fix = f'write for example "socket_mode": "{SOCKET_MODE}"'
        table.wrong("socket_mode", "permissions in octal digits", fix)
        return 0
    return int(text or "0", 8)


def _endpoint(table: Table, text: str) -> Endpoint | None:
    try:
        return parse_endpoint(text)
    except ValueError as error:
        fix = f"write for example {shown(_EXAMPLE)}"
        table.fault("listen", f"{error} (here: {shown(text)}); {fix}")
        return None
