"""One JSON exchange over HTTP, bounded in time and size: what every REST backend is made of."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pydantic
import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from featurewatch_receiver import pydantic_errors
from featurewatch_receiver.clients.bounded import TooLongError, body_of, session
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.errors import (
    TargetAnswerInvalidError,
    TargetRefusedError,
    TargetSilentError,
    TargetUnreachableError,
)
from featurewatch_receiver.version import VERSION

MAX_ANSWER_BYTES = 64 * 1024
# A look at the target is worth a moment, even when the action's time is up.
LAST_LOOK_SECONDS = 1.0
_LONGEST = 200

Shape = TypeVar("Shape", bound=pydantic.BaseModel)


@dataclass(frozen=True, kw_only=True)
class RestAnswer:
    """A complete answer, of whatever status."""

    #: The request, for messages: "GET /deployments/fe".
    what: str
    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """The status is 2xx; a redirect is not followed and not ok."""
        return 200 <= self.status < 300  # noqa: PLR2004

    def __str__(self) -> str:
        """On one line, for messages."""
        return f"{self.what}: answered {self.status} {short(self.body)}"

    def demand_ok(self) -> None:
        """Do nothing for 2xx.

        Raises:
            TargetRefusedError: the status is another one.

        """
        if not self.ok:
            raise TargetRefusedError(str(self))

    def read(self, shape: type[Shape]) -> Shape:
        """Return the body as a model.

        Raises:
            TargetAnswerInvalidError: it is no such JSON.

        """
        try:
            return shape.model_validate_json(self.body)
        except pydantic.ValidationError as error:
            fault = pydantic_errors.sentence(error)
            message = f"{self.what}: answered {short(self.body)} ({fault})"
            raise TargetAnswerInvalidError(message) from error


class Rest:
    """A session with one server during one step of one remediation.

    Proxies and .netrc of the environment are not used, and redirects not followed.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        token: str | None,
        deadline: Deadline,
        max_bytes: int = MAX_ANSWER_BYTES,
    ):
        """`timeout` in seconds is for one exchange; `max_bytes` bounds the body of an answer."""
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._session = session()
        self._session.headers["User-Agent"] = f"featurewatch-receiver/{VERSION}"
        self._session.headers["Accept"] = "application/json"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> RestAnswer:
        """Send a request and return the answer, of whatever status.

        Raises:
            TargetUnreachableError: no connection, so nothing was sent.
            TargetSilentError: no complete answer in time.
            TargetAnswerInvalidError: the answer is too long.

        """
        what = f"{method} {path}"
        timeout = min(self._timeout, max(self._deadline.left(), LAST_LOOK_SECONDS))
        end = time.monotonic() + timeout
        try:
            with self._session.request(
                method,
                self._url + path,
                json=json,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = body_of(response.raw, end, self._max_bytes)
                return RestAnswer(what=what, status=response.status_code, body=body)
        except TooLongError as error:
            message = f"{what}: the answer exceeds {self._max_bytes} bytes"
            raise TargetAnswerInvalidError(message) from error
        except TimeoutError as error:
            raise TargetSilentError(f"{what}: the answer takes too long") from error
        except requests.Timeout as error:
            raise TargetSilentError(f"{what}: no answer within {timeout:.1f} s") from error
        except requests.ConnectionError as error:
            raise _connection_error(what, error) from error
        except (requests.RequestException, HTTPError) as error:
            raise TargetSilentError(
                f"{what}: the answer broke off ({short(str(error))})"
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _connection_error(
    what: str, error: requests.ConnectionError
) -> TargetUnreachableError | TargetSilentError:
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(cause, NewConnectionError):
        return TargetUnreachableError(
            f"{what}: no connection ({short(str(cause.__cause__ or cause))})"
        )
    return TargetSilentError(f"{what}: the connection broke off")


def short(text: str | bytes, longest: int = _LONGEST) -> str:
    """What a stranger sent, on one line and not too long."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
