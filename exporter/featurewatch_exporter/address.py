"""Addresses as people write them: 127.0.0.1:9102, [::1]:9102."""

import re
from typing import NamedTuple

_FORM = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>\d{1,5})")
_LAST_PORT = 65535


class Address(NamedTuple):
    """A host (or its number) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Return the address; raise ``ValueError`` for anything else."""
    match = _FORM.fullmatch(text)
    if not match or int(match["port"]) > _LAST_PORT:
        raise ValueError("must be HOST:PORT, an IPv6 host in brackets, and a port up to 65535")
    return Address(match["six"] or match["host"], int(match["port"]))
