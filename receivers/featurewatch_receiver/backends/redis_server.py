"""One Redis server: a connection, the verbs that empty caches, and its failures in our words.

It needs the package `redis`, an extra of the receiver.
"""

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
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


class Server:
    """A connected server."""

    def __init__(self, client: redis.Redis, *, cluster: bool):
        self._client = client
        self._cluster = cluster

    def primaries(self) -> list[tuple[str, int]]:
        """Host and port of each primary of the cluster; no host: that of this server."""
        # Each range of slots: first, last, primary, replicas; a server: host, port and more.
        slots: Any = self._client.cluster("slots")
        return sorted({(primary[0].decode(), primary[1]) for _, _, primary, *_ in slots})

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
        for result in results:
            if isinstance(result, Exception):
                raise result
        return sum(results)


@contextmanager
def connected(
    settings: Settings, host: str, port: int, *, password: str | None, timeout: float
) -> Iterator[Server]:
    """A server that answers. Its failures inside the block are TargetErrors.

    `timeout` in seconds is for one exchange.
    """
    client = _client(settings, host, port, password, timeout)
    place = f"redis {host}:{port}"
    with closing(client):
        with _in_words(place, timeout, TargetUnreachableError):
            client.ping()
        with _in_words(place, timeout, TargetSilentError):
            yield Server(client, cluster=settings.cluster)


def _client(
    settings: Settings, host: str, port: int, password: str | None, timeout: float
) -> redis.Redis:
    url = urlsplit(settings.url)
    tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": settings.ca_file}
    return redis.Redis(
        host=host,
        port=port,
        db=int(url.path.strip("/") or 0),
        username=settings.username,
        password=password,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        # The remediation tries again by itself; the ten tries of redis-py would outlast it.
        retry=Retry(NoBackoff(), 0),
        client_name=_NAME,
        driver_info=None,
        protocol=2,
        **(tls if url.scheme == "rediss" else {}),
    )


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
