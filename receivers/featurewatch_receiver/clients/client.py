"""What the clients of Prometheus and of Alertmanager share: one server, asked in bounded time."""

import re
from typing import Any, ClassVar

import requests
from urllib3.exceptions import HTTPError

from featurewatch_receiver.errors import ReceiverError
from featurewatch_receiver.text import one_line
from featurewatch_receiver.version import package_version

# For the connection, and for each pause within the answer.
TIMEOUT_SECONDS = 5.0


class Client:
    """One server at `url`, which may hold a path prefix and a login (http://name:word@host)."""

    kind: ClassVar[str]
    error: ClassVar[type[ReceiverError]]

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS):
        self._timeout = timeout
        self._url = url.rstrip("/")
        # Without the login, which must not get into messages.
        self._name = _without_login(self._url)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no .netrc
        self._session.headers["User-Agent"] = f"featurewatch/{package_version()}"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _ask(self, method: str, path: str, what: str = "", **options: Any) -> bytes:
        """Return the body of a 200; `what` says in an error what another answer was to."""
        url = self._url + path
        try:
            answer = self._session.request(
                method, url, timeout=self._timeout, allow_redirects=False, **options
            )
        except (requests.RequestException, HTTPError, ValueError) as error:
            raise self._error(
                f"can't be reached ({cause_of(error, self._timeout)}); is it up?"
            ) from error
        if answer.status_code != requests.codes.ok:
            said = one_line(answer.text) or answer.reason
            raise self._error(f"answered {answer.status_code}{what}: {said}")
        return answer.content

    def _error(self, text: str) -> ReceiverError:
        return self.error(f"{self.kind} at {self._name} {text}")


def cause_of(error: Exception, timeout: float) -> str:
    """What went wrong, in few words: requests wraps it several times."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {timeout:g} s"
    reason = getattr(error.args[0], "reason", None) if error.args else None
    cause = getattr(reason, "__cause__", None)
    return _without_login(getattr(cause, "strerror", None) or str(cause or reason or error))


def _without_login(text: str) -> str:
    return one_line(re.sub(r"//[^/\s]*@", "//", text))
