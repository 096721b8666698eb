"""Where lines come from: sockets for datagrams, and streams with a connection for each client."""

import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from featurewatch_exporter.address import TCP, UNIX, Address, Endpoint
from featurewatch_exporter.errors import ExporterError

#: Bytes; no datagram of UDP is longer.
_LARGEST_DATAGRAM = 65536
#: Bytes and datagrams that are taken before they are counted, so that a sender that never pauses
#: neither fills the memory nor stops the counting.
_MOST_BYTES, _MOST_DATAGRAMS = 16 * 1024 * 1024, 32_768
#: Datagrams between two looks at these.
_AT_ONCE = 256
#: Bytes that are taken of a stream at once.
_CHUNK = 256 * 1024
#: Bytes of a line of a stream.
MAX_LINE = 65536
# linux/socket.h and linux/sock_diag.h: the socket module of Python has no names for these.
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_MEMINFO = struct.Struct("9I")
_DROPS = 8


class Datagrams:
    """A port of UDP, or a datagram socket of the file system.

    Raises :class:`ExporterError` if it cannot be had.
    """

    def __init__(self, endpoint: Endpoint, buffer_bytes: int, socket_mode: int) -> None:
        place = endpoint.place
        if isinstance(place, Path):
            self.socket = _unix_socket(place, socket_mode)
        else:
            self.socket = _bound(endpoint, place, socket.SOCK_DGRAM)
            place = Address(*self.socket.getsockname()[:2])
        #: With the port that was taken for port 0.
        self.endpoint = endpoint._replace(place=place)
        self.socket.setblocking(False)
        #: Bytes of the kernel for datagrams that wait, with what it needs to keep them.
        self.buffer_bytes = _enlarge(self.socket, buffer_bytes)
        self._drops = 0

    def receive(self) -> bytes:
        """Return what has come, with line feeds between datagrams; raise ``OSError``.

        It takes all before any is counted: counting takes longer, and the kernel's buffer is small.
        """
        found: list[bytes] = []
        size = 0
        with suppress(BlockingIOError):
            while size < _MOST_BYTES and len(found) < _MOST_DATAGRAMS:
                for _ in range(_AT_ONCE):
                    found.append(self.socket.recv(_LARGEST_DATAGRAM))
                size += sum(map(len, found[-_AT_ONCE:]))
        return b"\n".join(found)

    def dropped(self) -> int | None:
        """Return how many datagrams the kernel has dropped since the last call.

        None where it does not say; it is Linux's count, the last column of /proc/net/udp.
        """
        try:
            told = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
            drops: int = _MEMINFO.unpack(told)[_DROPS]
        except (OSError, struct.error):
            return None
        new = (drops - self._drops) % 2**32
        self._drops = drops
        return new

    def close(self) -> None:
        """Give the port or the path back."""
        self.socket.close()
        if isinstance(self.endpoint.place, Path):
            with suppress(OSError):
                self.endpoint.place.unlink()


class Listener:
    """A port of TCP.

    Raises :class:`ExporterError` if it cannot be had.
    """

    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self.socket = _bound(endpoint, address, socket.SOCK_STREAM)
        self.socket.listen()
        self.socket.setblocking(False)
        #: With the port that was taken for port 0.
        self.endpoint = endpoint._replace(place=Address(*self.socket.getsockname()[:2]))

    def accept(self) -> "Stream | None":
        """Return the next connection, None if it has gone again; raise ``OSError``."""
        try:
            connection, _ = self.socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        return Stream(connection)

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()


class Stream:
    """One connection, which sends lines."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        # Else a client that has gone without a word would keep its place for ever.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.socket = connection
        self.ended = False
        self._rest = b""
        self._skipping = False

    def receive(self) -> Iterator[bytes | None]:
        """Yield the lines that have come whole, together, and None for one that is too long.

        At the end of the connection, also a broken one, the last line needs no line feed.
        """
        try:
            chunk = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self.ended = not chunk
        lines, feed, rest = (self._rest + (chunk or b"\n")).rpartition(b"\n")
        if feed and self._skipping:
            _, _, lines = lines.partition(b"\n")
            self._skipping = False
        if lines:
            yield lines
        self._rest = b"" if self._skipping else rest
        if len(self._rest) > MAX_LINE:
            self._rest, self._skipping = b"", True
            yield None

    def close(self) -> None:
        """End the connection."""
        self.socket.close()


def _bound(endpoint: Endpoint, address: Address, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, kind)
    try:
        if endpoint.transport == TCP:  # connections that have just ended must not keep the port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except (OSError, UnicodeError) as error:
        made.close()
        fix = "stop what listens there, or choose another address"
        raise _cannot(endpoint, error, fix) from error
    return made


def _unix_socket(path: Path, mode: int) -> socket.socket:
    _remove_orphan(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        made.bind(str(path))
        path.chmod(mode)
    except OSError as error:
        made.close()
        fix = "stop what listens there, or choose a path in a folder that can be written"
        raise _cannot(Endpoint(UNIX, path), error, fix) from error
    return made


def _remove_orphan(path: Path) -> None:
    """Remove the socket of an exporter that was killed, at which nobody listens any more."""
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as knocking:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
        try:
            knocking.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()


def _enlarge(made: socket.socket, wanted: int) -> int:
    try:  # whoever may administer the network is not bound by net.core.rmem_max
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, wanted)
    except OSError:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
    return made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def _cannot(endpoint: Endpoint, error: Exception, fix: str) -> ExporterError:
    reason = getattr(error, "strerror", None) or error
    return ExporterError(f"cannot listen for statsd on {endpoint} ({reason}): {fix}")
