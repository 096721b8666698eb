"""A running Prometheus, by its HTTP API."""

import re
from typing import Any

import requests

from featurewatch_kit.errors import ServerError

TIMEOUT = 10.0


class Prometheus:
    """Prometheus's HTTP API."""

    def __init__(self, url: str):
        self._address = url.rstrip("/")
        #: For messages: without a login.
        self.url = re.sub(r"(?<=://)[^/?#@]*@", "", self._address)

    def series(self, query: str) -> list[dict[str, str]]:
        """Labels of what an instant query gives."""
        result = self._get("/api/v1/query", query=query)["result"]
        return [sample["metric"] for sample in result]

    def groups(self) -> list[dict[str, Any]]:
        """Every group of rules, with their health."""
        groups: list[dict[str, Any]] = self._get("/api/v1/rules")["groups"]
        return groups

    def status(self, what: str) -> dict[str, str]:
        """What the server tells of itself (flags, buildinfo); nothing where it has no such page."""
        try:
            found: dict[str, str] = self._get(f"/api/v1/status/{what}")
        except ServerError as error:
            if isinstance(error.__cause__, requests.HTTPError):
                return {}
            raise
        return found

    def _get(self, path: str, **parameters: str) -> Any:
        try:
            answer = requests.get(self._address + path, params=parameters, timeout=TIMEOUT)
            answer.raise_for_status()
            return answer.json()["data"]
        except (requests.RequestException, KeyError, ValueError) as error:
            raise ServerError(
                f"{self.url}: no answer from Prometheus ({type(error).__name__}); check the"
                " address given with --prometheus"
            ) from error
