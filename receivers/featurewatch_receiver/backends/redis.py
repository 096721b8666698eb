"""The `redis` backend: caches that are key prefixes of a Redis server or cluster."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from featurewatch_receiver.backends.rest import LAST_LOOK_SECONDS
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import RedisBackend as Settings
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import ConfigError, DeadlineError, TargetRefusedError

if TYPE_CHECKING:
    from featurewatch_receiver.backends.redis_server import Held, RedisServer

#: How often a cluster whose slots move is gone through before it is given up.
PASSES = 5
PAUSE_SECONDS = 1.0

Place = tuple[str, int]
#: What each primary said that it has; None: keys were met, or will be, that are elsewhere.
Emptied = dict[Place, "Held | None"]


class RedisClient:
    """Speaks to one server, or to every primary of one cluster. It is Caches."""

    def __init__(self, settings: Settings, password: str | None, deadline: Deadline):
        try:
            from featurewatch_receiver.backends.redis_server import PORT, connected
        except ModuleNotFoundError as error:
            fix = "run pip install 'featurewatch-receiver[redis]'"
            raise ConfigError([f"backends: kind redis needs a package; {fix}"]) from error
        self._connect, self._usual_port = connected, PORT
        self._settings = settings
        self._password = password
        self._deadline = deadline

    def clear_cache(self, name: str, key: str) -> int:
        """Drop a cache's entries; return how many this call dropped.

        A repetition drops what is left, and does not know what an interrupted call had dropped.
        Keys that move between the servers of a cluster may pass by: it is gone through again
        until every primary holds the slots that it held when it was emptied.

        Raises:
            DeadlineError: the time is up; what was dropped stays so.
            TargetRefusedError: the slots of a cluster don't come to rest.

        """
        del key  # dropping twice does no more than dropping once
        dropped = 0
        for remaining in reversed(range(PASSES)):
            emptied, count = self._drop_everywhere(name, dropped)
            dropped += count
            moving = self._moving(emptied)
            if not moving:
                return dropped
            if remaining:
                time.sleep(min(PAUSE_SECONDS, max(0.0, self._deadline.left())))
                self._require_time(name, dropped)
        raise TargetRefusedError(
            f"redis {', '.join(moving)}: the cluster is moving slots: {dropped} entries of {name} "
            "were dropped, others may be left; clear it again when they have moved, or end a move "
            "that broke off with redis-cli --cluster fix"
        )

    def close(self) -> None:
        """Do nothing: a connection ends with the verb that opened it."""

    def _require_time(self, name: str, dropped: int) -> None:
        if self._deadline.left() <= 0:
            raise DeadlineError(
                f"time is up: {dropped} entries of {name} were dropped, others may be left"
            )

    def _drop_everywhere(self, name: str, before: int) -> tuple[Emptied, int]:
        """Empty every primary; return what each had when it was begun, and how many it were."""
        emptied: Emptied = {}
        dropped = 0
        for place in self._primaries():
            with self._connected(*place) as server:
                emptied[place] = None
                if not server.is_primary():
                    continue
                held = server.held() if self._settings.cluster else None
                for count in self._drop(server, name):
                    dropped += count
                    self._require_time(name, before + dropped)
                emptied[place] = None if server.strayed else held
        return emptied, dropped

    def _drop(self, server: "RedisServer", name: str) -> Iterator[int]:
        prefix = self._settings.caches[name].prefix
        yield from [server.flush()] if prefix is None else server.drop(prefix)

    def _moving(self, emptied: Emptied) -> list[str]:
        """Primaries that don't have what they had when they were emptied, or give or take it."""
        if not self._settings.cluster:
            return []
        told = self._primaries()
        now = {place: self._held(place) for place in told}
        return [
            f"{host}:{port}"
            for host, port in sorted(emptied | now)
            if not _rests(emptied.get((host, port)), now.get((host, port)), told.get((host, port)))
        ]

    def _held(self, place: Place) -> "Held":
        with self._connected(*place) as server:
            return server.held()

    def _primaries(self) -> dict[Place, frozenset[str]]:
        """Every primary, with the slots that it has by the word of the URL's server."""
        url = urlsplit(self._settings.url)
        host, port = url.hostname or "", url.port or self._usual_port
        if not self._settings.cluster:
            return {(host, port): frozenset()}
        with self._connected(host, port) as server:
            told = server.primaries()
        return {(named or host, port): told[named, port] for named, port in sorted(told)}

    def _connected(self, host: str, port: int) -> AbstractContextManager["RedisServer"]:
        timeout = min(
            float(seconds(self._settings.request_timeout)),
            max(self._deadline.left(), LAST_LOOK_SECONDS),
        )
        return self._connect(self._settings, host, port, password=self._password, timeout=timeout)


def _rests(before: "Held | None", now: "Held | None", told: frozenset[str] | None) -> bool:
    """Whether nothing came to a server or left it, by its own word and that of the URL's."""
    return before is not None and before == now and now.slots == told
