"""One Redis server: a connection, the verbs that empty caches, and its failures in our words.

It needs the package `redis`, an extra of the receiver.
"""

import re
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from featurewatch_receiver.backends.rest import short
from featurewatch_receiver.config.backends import RedisBackend as Settings
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
)

#: Keys that a server is asked to look at in one go; it serves nobody else meanwhile.
SLICE = 500
PORT = 6379
#: OpenSSL's verify codes for a certificate that is of another host name or IP address.
_OTHER_NAME = (62, 64)
_NAME = "featurewatch-receiver"
# The first class that fits; redis-py strips the code ("NOPERM") from the server's own words.
_REFUSALS: tuple[tuple[type[redis.RedisError], str], ...] = (
    (redis.AuthenticationError, "does not take this user name and password"),
    (redis.exceptions.NoPermissionError, "the user's ACL is too narrow"),
    (redis.BusyLoadingError, "is still loading its data"),
    (redis.ReadOnlyError, "is a replica; name its primary"),
    (redis.exceptions.ClusterDownError, "the cluster is down"),
    (redis.exceptions.AskError, "the cluster is moving slots"),
    (redis.ResponseError, "refused"),
)


class Held(NamedTuple):
    """What a server of a cluster has, by its own word."""

    #: It becomes another one whenever the server takes a slot over.
    epoch: str
    #: Ranges of slots; `[...]` is one that is on a move.
    slots: frozenset[str]


class RedisServer:
    """A connected server."""

    def __init__(self, client: redis.Redis, place: str, *, cluster: bool):
        self._client = client
        self._place = place
        self._cluster = cluster
        #: Whether keys were met whose slots are at another server of the cluster.
        self.strayed = False

    def is_primary(self) -> bool:
        """Whether it is no replica, which may be set to take writes of its own.

        A cluster's server that gave its last slot away is one from then on.

        Raises:
            TargetRefusedError: it is a replica outside of a cluster.

        """
        # HELLO needs no right; in protocol 2 the answer is a list of names and values.
        answer = self._ask("HELLO", "2")
        told = dict(zip(answer[::2], answer[1::2], strict=True))
        primary: bool = told[b"role"] == b"master"
        if not primary and not self._cluster:
            raise TargetRefusedError(f"{self._place}: is a replica; name its primary")
        return primary

    def primaries(self) -> dict[tuple[str, int], frozenset[str]]:
        """The slots of each primary of the cluster by host and port; no host: that of this server.

        Raises:
            TargetRefusedError: it does not know where one of them is.

        """
        # Each range of slots: first, last, primary, replicas.
        ranges = self._ask("CLUSTER", "SLOTS")
        found: dict[tuple[str, int], set[str]] = {}
        for first, last, primary, *_ in ranges:
            slots = found.setdefault((self._host(primary), primary[1]), set())
            slots.add(f"{first}" if first == last else f"{first}-{last}")
        return {place: frozenset(slots) for place, slots in found.items()}

    def held(self) -> Held:
        """What it has of the cluster's slots."""
        # Each line: id, address, flags, its primary, two times, epoch, link, slots.
        lines = [line.split() for line in self._ask("CLUSTER", "NODES").decode().splitlines()]
        mine = next(line for line in lines if "myself" in line[2].split(","))
        return Held(mine[6], frozenset(mine[8:]))

    def _ask(self, *words: str) -> Any:
        return self._client.execute_command(*words)  # type: ignore[no-untyped-call]

    def _host(self, node: list[Any]) -> str:
        """Of a server: host, port, id, and since Redis 7 names and values of other addresses."""
        host: str = (node[0] or b"").decode()
        if host != "?":  # a host name that nobody announced
            return host
        _, _, identity, *more = node
        others = more[0] if more else []
        known = dict(zip(others[::2], others[1::2], strict=True))
        if address := known.get(b"ip"):
            return str(address.decode())
        raise TargetRefusedError(
            f"{self._place}: knows no host of the cluster's {identity.decode()}; set "
            "cluster-announce-hostname there"
        )

    def flush(self) -> int:
        """Drop the whole database in the background; return how many keys it had."""
        size: Any = self._client.dbsize()
        self._client.flushdb(asynchronous=True)
        return int(size)

    def drop(self, prefix: str) -> Iterator[int]:
        """Drop the keys of a prefix, slice by slice; give the number of each.

        It rests for as long as each slice took, so that others have the server half of the time.
        """
        pattern, cursor, begun = _pattern(prefix), 0, False
        while cursor or not begun:
            began, begun = time.monotonic(), True
            page: Any = self._client.scan(cursor, match=pattern, count=SLICE)
            cursor, keys = page
            yield self._unlink(keys)
            if cursor:
                time.sleep(time.monotonic() - began)

    def _unlink(self, keys: list[bytes]) -> int:
        """Drop keys, whatever they hold, in the background; return how many there still were."""
        # A server of a cluster takes no command about keys of several slots.
        commands = [[key] for key in keys] if self._cluster else [keys] * bool(keys)
        pipeline = self._client.pipeline(transaction=False)
        for names in commands:
            pipeline.unlink(*names)
        results = pipeline.execute(raise_on_error=False)
        return sum(self._dropped(result) for result in results)

    def _dropped(self, result: Any) -> int:
        if self._cluster and isinstance(result, redis.exceptions.AskError):  # or MOVED
            self.strayed = True
            return 0
        if isinstance(result, Exception):
            raise result
        return int(result)


@contextmanager
def connected(
    settings: Settings, host: str, port: int, *, password: str | None, timeout: float
) -> Iterator[RedisServer]:
    """A server that answers. Its failures inside the block are TargetErrors.

    `timeout` in seconds is for one exchange.
    """
    place = f"redis {host}:{port}"
    with closing(_client(settings, host, port, password, timeout)) as client:
        with _in_words(place, timeout, TargetUnreachableError):
            client.ping()
        with _in_words(place, timeout, TargetSilentError):
            yield RedisServer(client, place, cluster=settings.cluster)


class _SeedNamedConnection(redis.SSLConnection):
    """A connection to a server whose certificate may name the URL's host in place of its own.

    A cluster tells of addresses; a certificate often names the one host that clients know.
    """

    def __init__(self, *, seed: str, **options: Any):
        super().__init__(**options)
        self._seed = seed

    def _connect(self) -> Any:
        try:
            return super()._connect()  # type: ignore[no-untyped-call]
        except ssl.SSLCertVerificationError as error:
            if error.verify_code not in _OTHER_NAME or self._seed == self.host:
                raise
        return self._connect_by_seed()

    def _connect_by_seed(self) -> Any:
        """Connect anew: the handshake has ended the connection."""
        sock = redis.Connection._connect(self)  # type: ignore[no-untyped-call]
        address, self.host = self.host, self._seed
        try:
            return self._wrap_socket_with_ssl(sock)  # type: ignore[no-untyped-call]
        except OSError:
            sock.close()
            raise
        finally:
            self.host = address


def _client(
    settings: Settings, host: str, port: int, password: str | None, timeout: float
) -> redis.Redis:
    url = urlsplit(settings.url)
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "db": int(url.path.strip("/") or 0),
        "username": settings.username,
        "password": password,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # The remediation tries again by itself; the ten tries of redis-py would outlast it.
        "retry": Retry(NoBackoff(), 0),
        "client_name": _NAME,
        "driver_info": None,
        "protocol": 2,
    }
    if url.scheme == "rediss":
        options |= {"connection_class": _SeedNamedConnection, "seed": url.hostname or ""}
        options |= {"ssl_ca_certs": settings.ca_file}
    return redis.Redis.from_pool(redis.ConnectionPool(**options))


@contextmanager
def _in_words(place: str, timeout: float, broken: type[TargetError]) -> Iterator[None]:
    """Raise failures as TargetErrors; `broken` is that of a connection that broke off."""
    try:
        yield
    except redis.TimeoutError as error:
        raise TargetSilentError(f"{place}: no answer within {timeout:.1f} s") from error
    except redis.InvalidResponse as error:
        raise TargetAnswerInvalidError(f"{place}: does not speak Redis's protocol") from error
    except redis.RedisError as error:
        said = short(str(error))
        for kind, words in _REFUSALS:
            if isinstance(error, kind):
                raise TargetRefusedError(f"{place}: {words} ({said})") from error
        raise broken(f"{place}: no connection ({said})") from error


def _pattern(prefix: str) -> bytes:
    """The glob that fits keys with this very prefix and no others."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", prefix).encode() + b"*"
