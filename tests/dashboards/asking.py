"""The dashboards that were generated into a folder, asked of a Prometheus as Grafana does."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from waiting import PATIENCE_SECONDS

from dashboards.queries import Asked, Json, filled, label_values, sooner
from featurewatch_kit import generate
from featurewatch_kit.demo.clients import Client


class Asking:
    """A Prometheus, and the dashboards of its configuration."""

    def __init__(self, client: Client, folder: Path) -> None:
        self._client = client
        files = sorted((folder / generate.DASHBOARDS).glob("*.json"))
        self.dashboards: list[Json] = [json.loads(file.read_text()) for file in files]

    def has(self, asked: Asked) -> bool:
        """Whether the query returns any number."""
        if asked.instant:
            return any(value == value for _, value in self.now(asked.expr))  # noqa: PLR0124 (NaN)
        end = time.time()
        times = {"start": f"{end - 10}", "end": f"{end}", "step": "1"}
        found = self._ask("query_range", query=sooner(filled(asked.expr)), **times)["result"]
        return any(value != "NaN" for one in found for _, value in one["values"])

    def now(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of a query at this moment."""
        found = self._ask("query", query=sooner(filled(expr)))["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def offers(self, variable: Json) -> bool:
        """Whether there is anything to choose from."""
        series, label = label_values(variable)
        return bool(self._ask(f"label/{label}/values", **{"match[]": filled(series)}))

    def _ask(self, path: str, **parameters: str) -> Any:
        return self._client.get(f"/api/v1/{path}", **parameters)["data"]


def left_of(find: Callable[[], list[str]], seconds: float = PATIENCE_SECONDS) -> list[str]:
    """What is still found when the time is over, or nothing as soon as nothing is."""
    deadline = time.monotonic() + seconds
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found
