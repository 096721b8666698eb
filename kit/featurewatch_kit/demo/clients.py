"""Asks the running parts what they know."""

from typing import Any

import requests

from featurewatch_kit.errors import DemoError

_TIMEOUT = 5.0


class Client:
    """HTTP to one part on this machine, past any proxy of the environment."""

    def __init__(self, url: str, token: str | None = None):
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **parameters: str) -> Any:
        """JSON of a GET. Raises DemoError when there is none."""
        return self._call("GET", path, params=parameters)

    def put(self, path: str, body: object) -> Any:
        """JSON of a PUT. Raises DemoError when there is none."""
        return self._call("PUT", path, json=body)

    def answers(self, path: str) -> bool:
        """Whether a GET succeeds."""
        try:
            return self._session.get(self._url + path, timeout=_TIMEOUT).ok
        except requests.RequestException:
            return False

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._session.request(method, self._url + path, timeout=_TIMEOUT, **arguments)
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as error:
            raise DemoError(f"{method} {self._url}{path}: {error}") from error


class Prometheus(Client):
    """The queries that the demo shows."""

    def value(self, expression: str) -> float | None:
        """First sample of an instant query, None when there is none."""
        result = self.get("/api/v1/query", query=expression)["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def firing(self) -> list[dict[str, str]]:
        """Labels of every firing alert."""
        alerts = self.get("/api/v1/alerts")["data"]["alerts"]
        return [alert["labels"] for alert in alerts if alert["state"] == "firing"]
