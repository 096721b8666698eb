"""Who looks at the console, and whether a form is really one of its own.

A form is ours when it repeats a word that only our pages can make: it is bound to a cookie that
other sites can neither read nor, with SameSite, make a browser send.
"""

import hmac
import secrets
from datetime import timedelta

from flask import Request, Response
from sqlalchemy import delete, insert, select

from featurewatch_receiver.access.users import Door, Person, digest
from featurewatch_receiver.core import Core
from featurewatch_receiver.errors import UnknownPersonError
from featurewatch_receiver.store.schema import sessions

SESSION, FORM = "featurewatch_session", "featurewatch_form"
#: The field of each form that holds the word.
FIELD = "form_word"
_OWN_SITE = ("same-origin", "none")


class Visits:
    """Signs people in and out; the requests are those of one application."""

    def __init__(self, core: Core):
        self._core = core
        self._door = Door(core.config.access)
        access = core.config.access
        #: Whether anybody can sign in with a token.
        self.takes_tokens = access.users_file is not None
        self._is_https = core.config.receiver.url.startswith("https:")

    def who(self, request: Request) -> Person | None:
        """Return who asks; None: somebody who has yet to sign in.

        Raises:
            UsersFileError: the users' file can't be used now.

        """
        if signed_in := self._door.signed_in(request.headers, request.remote_addr):
            return signed_in
        key = self._cookie(request, SESSION)
        return _find(self._core, self._door, key) if key else None

    def sign_in(self, token: str) -> tuple[Person, str] | None:
        """Return who has this token, and the new session's key; None: nobody.

        Raises:
            UsersFileError: the users' file can't be used now.

        """
        try:
            person = self._door.person(f"Bearer {token}", {}, None)
        except UnknownPersonError:
            return None
        return person, _begin(self._core, person, token)

    def sign_out(self, request: Request, response: Response) -> None:
        """End the session, and forget the cookie."""
        if key := self._cookie(request, SESSION):
            _end(self._core, key)
        response.delete_cookie(self._name(request, SESSION), secure=self._secure(request))

    def keep(self, request: Request, response: Response, name: str, value: str) -> None:
        """Set a cookie that only we get, and no script."""
        most = int(LASTS.total_seconds()) if name == SESSION else None
        response.set_cookie(
            self._name(request, name),
            value,
            max_age=most,
            path="/",
            secure=self._secure(request),
            httponly=True,
            samesite="Strict",
        )

    def form_key(self, request: Request) -> tuple[str, bool]:
        """Return what the forms of this browser are made with, and whether it is new."""
        known = self._cookie(request, FORM)
        return (known, False) if known else (secrets.token_urlsafe(32), True)

    def form_word(self, request: Request, key: str) -> str:
        """Return the word that this visitor's forms repeat."""
        session = self._cookie(request, SESSION) or ""
        return hmac.new(key.encode(), session.encode(), "sha256").hexdigest()

    def is_own_form(self, request: Request) -> bool:
        """Whether the form comes from a page of ours, shown to this visitor."""
        key = self._cookie(request, FORM)
        if not key or request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITE:
            return False
        given = request.form.get(FIELD, "")
        return hmac.compare_digest(self.form_word(request, key).encode(), given.encode())

    def _cookie(self, request: Request, name: str) -> str | None:
        return request.cookies.get(self._name(request, name)) or None

    def _secure(self, request: Request) -> bool:
        forwarded = request.headers.get("X-Forwarded-Proto") == "https"
        return request.is_secure or forwarded or self._is_https

    def _name(self, request: Request, name: str) -> str:
        """With https no neighbour of the same domain can set it."""
        return f"__Host-{name}" if self._secure(request) else name


#: A long shift.
LASTS = timedelta(hours=12)


def _begin(core: Core, person: Person, token: str) -> str:
    """Open a session, forget those that are over, and return what the cookie shall hold."""
    key, now = secrets.token_urlsafe(32), core.now()
    row = {
        "id": digest(key),
        "name": person.name,
        "token_sha256": digest(token),
        "expires_at": now + LASTS,
    }
    with core.writer.begin() as connection:
        connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
        connection.execute(insert(sessions), row)
    return key


def _find(core: Core, door: Door, key: str) -> Person | None:
    """Who holds this cookie; None: nobody any more.

    Raises:
        UsersFileError: the users' file can't be used now.

    """
    query = select(sessions).where(sessions.c.id == digest(key))
    with core.reader.begin() as connection:
        row = connection.execute(query).one_or_none()
    if row is None or row.expires_at <= core.now():
        return None
    return door.known(row.name, row.token_sha256)


def _end(core: Core, key: str) -> None:
    """Sign out."""
    with core.writer.begin() as connection:
        connection.execute(delete(sessions).where(sessions.c.id == digest(key)))
