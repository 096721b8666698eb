"""What the clients of Prometheus and of Alertmanager share: one server, asked in bounded time."""

import re
import time
from typing import Any, ClassVar

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from featurewatch_receiver.clients.bounded import TooLongError, body_of, session
from featurewatch_receiver.errors import ReceiverError
from featurewatch_receiver.logs import one_line

#: For the connection, and for the whole answer.
TIMEOUT_SECONDS = 5.0
#: Alertmanager's list of 10,000 alerts of ours is some 15 MB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024


class Client:
    """One server at `url`, which may hold a path prefix and a login (http://name:word@host)."""

    kind: ClassVar[str]
    error: ClassVar[type[ReceiverError]]

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS):
        self._timeout = timeout
        self._url = url.rstrip("/")
        # Without the login, which must not get into messages.
        self._name = _without_login(self._url)
        self._session = session()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _ask(self, method: str, path: str, what: str = "", **options: Any) -> bytes:
        """Return the body of a 200; `what` says in an error what another answer was to."""
        try:
            answer, body = self._exchange(method, self._url + path, options)
        except TooLongError as error:
            most = MAX_ANSWER_BYTES >> 20
            raise self._error(f"answered with more than {most} MiB{what}") from error
        except (requests.RequestException, HTTPError, TimeoutError, ValueError) as error:
            raise self._error(
                f"can't be reached ({cause_of(error, self._timeout)}); is it up?"
            ) from error
        if answer.status_code != requests.codes.ok:
            said = one_line(body.decode("utf-8", "replace")) or answer.reason
            raise self._error(f"answered {answer.status_code}{what}: {said}")
        return body

    def _exchange(
        self, method: str, url: str, options: dict[str, Any]
    ) -> tuple[requests.Response, bytes]:
        end = time.monotonic() + self._timeout
        bounds: dict[str, Any] = {"timeout": self._timeout, "stream": True}
        with self._session.request(
            method, url, allow_redirects=False, **bounds, **options
        ) as answer:
            return answer, body_of(answer.raw, end, MAX_ANSWER_BYTES)

    def _error(self, text: str) -> ReceiverError:
        return self.error(f"{self.kind} at {self._name} {text}")


def cause_of(error: Exception, timeout: float) -> str:
    """What went wrong, in few words: requests wraps it several times."""
    if isinstance(error, requests.Timeout | TimeoutError | ReadTimeoutError):
        return f"no answer within {timeout:g} s"
    reason = getattr(error.args[0], "reason", None) if error.args else None
    cause = getattr(reason, "__cause__", None)
    return _without_login(getattr(cause, "strerror", None) or str(cause or reason or error))


def _without_login(text: str) -> str:
    return one_line(re.sub(r"//[^/\s]*@", "//", text))
