"""Who may call what.

A proxy's header comes with whatever a browser sends, also when another site's page makes it send
that. So there an act needs a header which such a page can't add.
"""

from flask import Request, abort
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from featurewatch_receiver import logs
from featurewatch_receiver.access.users import Door, Person
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import UnknownPersonError
from featurewatch_receiver.web.calls import Call

#: A page of another site can't send it; whatever it says.
CUSTOM_HEADER = "X-Requested-With"
_DELIVERER = "Authorization: this token delivers alerts and nothing else; send that of a person"


class Gate:
    """Lets people through to the calls that their role includes."""

    def __init__(self, core: Core):
        self._tokens = core.tokens
        self._door = Door(core.config.access)
        self._wrong_tokens = core.metrics.wrong_tokens
        self._wrong = logs.Seldom("wrong token")

    def let_in(self, request: Request, call: Call) -> Person:
        """Return who asks; 401, 403, 415 or 503 for who or what must not get further."""
        person = self._person(request)
        if not person.role.includes(call.role):
            abort(403, f"role: {person.name} is a {person.role}; this needs a {call.role}")
        if call.method == "GET":
            return person
        if request.mimetype != "application/json":
            abort(415, "Content-Type: is not application/json; send JSON")
        if person.by_proxy and not request.headers.get(CUSTOM_HEADER):
            abort(403, f"{CUSTOM_HEADER}: is missing; send it with any value")
        return person

    def _person(self, request: Request) -> Person:
        authorization = request.headers.get("Authorization", "")
        if self._tokens.accepts(authorization):
            abort(403, _DELIVERER)
        try:
            return self._door.person(authorization, request.headers, request.remote_addr)
        except UnknownPersonError as error:
            if authorization:
                self._wrong_tokens.labels("api").inc()
                self._wrong.trouble(request.remote_addr, at="api")
            raise Unauthorized(str(error), www_authenticate=WWWAuthenticate("bearer")) from error
