"""Who has signed in, kept in the database: any receiver on it knows them, also after a restart.

The cookie holds random bytes and the table their hash. A session is worth as much as the token that
opened it: once that is no longer in the users' file, it is over.
"""

import secrets
from datetime import timedelta

from sqlalchemy import delete, insert, select

from featurewatch_receiver.core import Core
from featurewatch_receiver.people.users import Door, Person, digest
from featurewatch_receiver.store.schema import sessions

#: A long shift.
LASTS = timedelta(hours=12)


def begin(core: Core, person: Person, token: str) -> str:
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


def find(core: Core, door: Door, key: str) -> Person | None:
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


def end(core: Core, key: str) -> None:
    """Sign out."""
    with core.writer.begin() as connection:
        connection.execute(delete(sessions).where(sessions.c.id == digest(key)))
