"""Alertmanager's way in, with the token of its own; what people call is in people.py.

A storm arrives here, so this way is kept short: without Flask's routing, contexts and hooks, and
without werkzeug's requests and responses, which cost more than all that is done with a delivery.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized, abort
from werkzeug.wsgi import get_input_stream

from featurewatch_receiver import logs
from featurewatch_receiver.core import Core
from featurewatch_receiver.deliveries.apply import is_heartbeat
from featurewatch_receiver.deliveries.inbox import Arrival, Batches, Inbox, packed
from featurewatch_receiver.deliveries.payload import PATH, parse
from featurewatch_receiver.deliveries.recorder import Recorder
from featurewatch_receiver.errors import PayloadError

MAX_BODY_BYTES = 2 * 1024 * 1024
_RESULTS = {200: "accepted", 401: "unauthorized", 413: "too_large", 503: "unavailable"}
_UNAUTHORIZED = "Authorization: is missing or wrong; send 'Bearer TOKEN', see receiver.token_file"

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Webhook:
    """Takes deliveries; each must bear the receiver's token."""

    def __init__(self, core: Core):
        self._core = core
        self._batches = Batches(Inbox(core).put)
        file = core.config.receiver.record_file
        self._recorder = Recorder(file) if file else None

    def take(self, environ: Environ) -> int:
        """Return the number of its alerts when the delivery is on disk.

        Raises:
            werkzeug.exceptions.HTTPException: it is not what Alertmanager sends; nothing is stored.
            OverloadError: too much is on its way; it is not stored.
            sqlalchemy.exc.SQLAlchemyError: it is not stored.

        """
        self._admit(environ)
        return self._store(_body(environ))

    def count(self, status: int) -> None:
        """Count an answer."""
        self._core.metrics.deliveries.labels(_result(status)).inc()

    def _admit(self, environ: Environ) -> None:
        given = environ.get("HTTP_AUTHORIZATION", "")
        if not self._core.tokens.accepts(given):
            if given:
                self._core.metrics.wrong_tokens.labels("webhook").inc()
            raise Unauthorized(_UNAUTHORIZED, www_authenticate=WWWAuthenticate("bearer"))
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != "application/json":
            abort(415, "Content-Type: is not application/json; send JSON, as Alertmanager does")
        if environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            abort(415, "Content-Encoding: is not identity; send it as it is, as Alertmanager does")

    def _store(self, body: bytes) -> int:
        try:
            delivery = parse(body)
        except PayloadError as error:
            abort(400, str(error))
        heartbeat, number = is_heartbeat(delivery), len(delivery["alerts"])
        self._batches.take(Arrival(packed=packed(body), alerts=number, is_heartbeat=heartbeat))
        if self._recorder:
            self._recorder.write(body)
        return number


class Shortcut:
    """Hands deliveries to the webhook, and everything else, refusals too, to Flask."""

    def __init__(self, app: Flask, webhook: Webhook):
        self._app = app
        self._rest: Application = app.wsgi_app
        self._webhook = webhook
        self._not_understood = logs.Seldom("delivery not understood")

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Serve one request, as WSGI has it."""
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST":
            return self._rest(environ, start_response)
        try:
            accepted = self._webhook.take(environ)
        except Exception as error:
            return self._refuse(error, environ, start_response)
        self._webhook.count(200)
        answer = b'{"accepted":%d}\n' % accepted
        size = ("Content-Length", str(len(answer)))
        start_response("200 OK", [("Content-Type", "application/json"), size])
        return [answer]

    def _refuse(self, error: Exception, environ: Environ, start_response: Any) -> Iterable[bytes]:
        with self._app.request_context(environ):
            response = self._app.make_response(self._app.handle_user_exception(error))
        self._webhook.count(response.status_code)
        if response.status_code < 500:  # noqa: PLR2004  # not the sender's fault
            self._tell(environ, (response.get_json() or {}).get("error"))
        return response(environ, start_response)

    def _tell(self, environ: Environ, why: object) -> None:
        program = environ.get("HTTP_USER_AGENT")
        self._not_understood.trouble(environ.get("REMOTE_ADDR"), reason=why, user_agent=program)


def _body(environ: Environ) -> bytes:
    body: bytes = get_input_stream(environ, max_content_length=MAX_BODY_BYTES).read()
    if len(body) == MAX_BODY_BYTES:
        abort(413)  # it came in chunks, and the rest was cut off
    return body


def _result(status: int) -> str:
    ours = status >= 500  # noqa: PLR2004  # the delivery may be as good as any
    return _RESULTS.get(status, "failed" if ours else "invalid")
