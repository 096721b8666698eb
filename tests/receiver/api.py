"""The receiver's API as a person calls it."""

from typing import Any

from receiver.in_process import Receiver
from receiver.payloads import Json
from receiver.people import bears

PREFIX = "/api/v1"
WHY = {"reason": "seen it before"}


class Api:
    """Calls of one person; each tells status and answer."""

    def __init__(self, receiver: Receiver, name: str = "ada", **headers: str) -> None:
        self._client = receiver.client
        self._headers = bears(name) | headers

    def get(self, path: str, **query: Any) -> tuple[int, Any]:
        reply = self._client.get(PREFIX + path, headers=self._headers, query_string=query or None)
        return reply.status_code, reply.json

    def post(self, path: str, body: Any = WHY, **headers: str) -> tuple[int, Any]:
        reply = self._client.post(PREFIX + path, headers=self._headers | headers, json=body)
        return reply.status_code, reply.json

    def read(self, path: str, **query: Any) -> Any:
        """The answer of a call that succeeds."""
        status, answer = self.get(path, **query)
        assert status == 200, answer
        return answer

    def do(self, path: str, body: Any = WHY, **headers: str) -> Any:
        """The answer of an act that succeeds."""
        status, answer = self.post(path, body, **headers)
        assert status in (200, 201), answer
        return answer

    def deeds(self) -> list[Json]:
        """What people did, newest first, without time and number."""
        rows: list[Json] = self.read("/audit")["deeds"]
        names = ("actor", "act", "subject", "reason")
        return [{name: row[name] for name in names} for row in rows]

    def last_deed(self) -> tuple[str, str, str, str]:
        """Who did what to what last, and why."""
        deed = self.deeds()[0]
        return deed["actor"], deed["act"], deed["subject"], deed["reason"]
