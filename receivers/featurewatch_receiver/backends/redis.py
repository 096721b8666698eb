"""The `redis` backend: caches that are key prefixes of a Redis server or cluster."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from featurewatch_receiver.backends.rest import LAST_LOOK_SECONDS
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import RedisBackend as Settings
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.errors import ConfigError, DeadlineError

if TYPE_CHECKING:
    from featurewatch_receiver.backends.redis_server import Server


class RedisBackend:
    """Speaks to one server, or to every primary of one cluster. It is Caches."""

    def __init__(self, settings: Settings, password: str | None, deadline: Deadline):
        try:
            from featurewatch_receiver.backends.redis_server import PORT, connected
        except ModuleNotFoundError as error:
            mend = "run pip install 'featurewatch-receiver[redis]'"
            raise ConfigError([f"backends: kind redis needs a package; {mend}"]) from error
        self._connect, self._usual_port = connected, PORT
        self._settings = settings
        self._password = password
        self._deadline = deadline

    def clear_cache(self, name: str, key: str) -> int:
        """Drop a cache's entries; return how many this call dropped.

        A repetition drops what is left, and does not know what an interrupted call had dropped.

        Raises:
            DeadlineError: the time is up; what was dropped stays so.

        """
        del key  # dropping twice does no more than dropping once
        prefix = self._settings.caches[name].prefix
        dropped = 0
        for host, port in self._primaries():
            with self._connected(host, port) as server:
                for count in [server.flush()] if prefix is None else server.drop(prefix):
                    dropped += count
                    self._require_time(name, dropped)
        return dropped

    def close(self) -> None:
        """Do nothing: a connection ends with the verb that opened it."""

    def _require_time(self, name: str, dropped: int) -> None:
        if self._deadline.left() <= 0:
            raise DeadlineError(
                f"time is up: {dropped} entries of {name} were dropped, others may be left"
            )

    def _primaries(self) -> list[tuple[str, int]]:
        url = urlsplit(self._settings.url)
        host, port = url.hostname or "", url.port or self._usual_port
        if not self._settings.cluster:
            return [(host, port)]
        with self._connected(host, port) as server:
            return [(named or host, port) for named, port in server.primaries()]

    def _connected(self, host: str, port: int) -> AbstractContextManager["Server"]:
        timeout = min(
            float(seconds(self._settings.request_timeout)),
            max(self._deadline.left(), LAST_LOOK_SECONDS),
        )
        return self._connect(self._settings, host, port, password=self._password, timeout=timeout)
