"""A person with a browser that runs no script: follows links, fills in forms."""

import re
from html import unescape
from typing import Any

from flask.testing import FlaskClient

from receiver.in_process import Receiver
from receiver.people import TOKENS

_WORD = re.compile(r'name="form_word" value="([0-9a-f]+)"')
WHY = {"reason": "seen it before"}


def text_of(page: str) -> str:
    """The text between the tags, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


class Visitor:
    """Somebody at the console, signed in with their token unless told otherwise."""

    def __init__(self, receiver: Receiver, name: str | None = "ada") -> None:
        self.client: FlaskClient = receiver.client.application.test_client()
        if name:
            reply = self.sign_in(TOKENS[name])
            assert reply.status_code == 303, reply.text

    def sign_in(self, token: str, **fields: str) -> Any:
        return self.send("/sign-in", self.get("/sign-in").text, token=token, **fields)

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, buffered=True, **options)

    def page(self, path: str) -> str:
        """The page at this path, which is there."""
        reply = self.get(path)
        assert reply.status_code == 200, (reply.status_code, reply.location, reply.text)
        return str(reply.text)

    def read(self, path: str) -> str:
        """What a page says."""
        return text_of(self.page(path))

    def send(self, path: str, form: str, **fields: str) -> Any:
        """Send the form of a page."""
        found = _WORD.search(form)
        assert found, form
        return self.client.post(path, data={"form_word": found[1], **fields})

    def do(self, path: str, **fields: str) -> Any:
        """Open the form of an act, and send it."""
        return self.send(path.partition("?")[0], self.page(path), **(WHY | fields))


class Seen:
    """A page of a real browser, and what its console complained of."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def sign_in(self, token: str) -> None:
        self.page.fill("#token", token)
        with self.page.expect_navigation():
            self.page.click("main button")

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)
