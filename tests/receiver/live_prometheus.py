"""The real Prometheus, with an alert of each extractor that a file names."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import requests
import yaml
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS, eventually

from featurewatch_kit import programs
from featurewatch_kit.demo.processes import Processes, free_port
from receiver.live_alertmanager import LATENCY, ROOT


class LivePrometheus:
    """A context manager. It scrapes itself once for each extractor: what is scraped, fires."""

    def __init__(self, folder: Path, alertmanager: str):
        self._folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._targets = folder / "targets.json"
        self.fire()
        self._write("prometheus.yaml", self._config(alertmanager.removeprefix("http://")))
        self._write("rules.yaml", self._rules())

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._processes = stack.enter_context(Processes(self._folder / "prometheus-logs"))
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        """Start it, on the data of the one before if there was one."""
        program = programs.find(programs.PROMETHEUS, ROOT)
        options = {
            "config.file": self._folder / "prometheus.yaml",
            "storage.tsdb.path": self._folder / "prometheus-data",
            "web.listen-address": f"127.0.0.1:{self._port}",
            "rules.alert.resend-delay": "1s",
        }
        self._processes.start_program("prometheus", program, ROOT, options)
        self._processes.wait_until("prometheus starts", self._is_ready, PATIENCE_SECONDS)

    def stop(self) -> None:
        self._processes.close()

    def fire(self, *extractors: str) -> None:
        """Let the alert fire for these and for no other."""
        groups = [
            {"targets": [f"127.0.0.1:{self._port}"], "labels": {"extractor": name}}
            for name in extractors
        ]
        new = self._targets.with_suffix(".new.json")
        new.write_text(json.dumps(groups))
        new.rename(self._targets)

    def wait_fires(self, *extractors: str) -> None:
        eventually(lambda: self._firing() == set(extractors))

    def _firing(self) -> set[str]:
        answer = requests.get(f"{self.url}/api/v1/alerts", timeout=ANSWER_SECONDS).json()
        return {alert["labels"]["extractor"] for alert in answer["data"]["alerts"]}

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=ANSWER_SECONDS).ok
        except requests.ConnectionError:
            return False

    def _write(self, name: str, tree: Any) -> None:
        (self._folder / name).write_text(yaml.safe_dump(tree))

    def _config(self, alertmanager: str) -> Any:
        files = [{"files": [str(self._targets)], "refresh_interval": "1s"}]
        return {
            "global": {
                "scrape_interval": "1s",
                "evaluation_interval": "1s",
                "external_labels": {"cluster": "eu"},
            },
            "rule_files": [str(self._folder / "rules.yaml")],
            "scrape_configs": [{"job_name": "switch", "file_sd_configs": files}],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        }

    def _rules(self) -> Any:
        labels = {n: v for n, v in LATENCY.items() if n != "alertname"} | {"escalation_level": "1"}
        expr = 'max by (extractor) (up{job="switch"})'
        rule = {"alert": LATENCY["alertname"], "expr": expr, "labels": labels}
        return {"groups": [{"name": "alerts", "rules": [rule]}]}
