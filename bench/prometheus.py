"""A real Prometheus that evaluates the generated rules over synthetic instances."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.exposition import Exposition
from bench.figures import BenchError
from bench.overlays import extractor_names
from bench.targets import HOST, Targets, scrape_config
from featurewatch.names import REQUESTS
from featurewatch_kit import generate, programs
from featurewatch_kit.demo.clients import Prometheus
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.project import load_config
from featurewatch_receiver.config.values import seconds

JOB = "feature-extraction"
SELF = "prometheus"
START_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is scraped and for how long."""

    instances: int
    extractors: int = 1
    #: Every alert about a measured value fires, or none does.
    trouble: bool = True
    #: Of scrapes and evaluations.
    interval: str = "1s"
    #: Samples of each series before measuring begins: 5 minutes of the usual scrape every 15 s.
    samples: int = 20
    #: Evaluations that are measured.
    evaluations: int = 6

    def seconds(self, intervals: int) -> float:
        """How long so many intervals last."""
        return intervals * seconds(self.interval)


@dataclass
class Running:
    """A Prometheus under load."""

    load: Load
    prometheus: Prometheus
    processes: Processes
    #: How long ago the measured evaluations began, as a range of PromQL.
    window: str = ""
    #: Seconds of each rule at each measured evaluation, rules of one name together.
    rule_times: list[dict[str, float]] = field(default_factory=list)

    def value(self, expression: str) -> float:
        """Value of an instant query.

        Raises:
            BenchError: it has no series.

        """
        value = self.prometheus.value(expression)
        if value is None:
            raise BenchError(f"nothing to measure: no series of {expression}")
        return value

    def groups(self) -> list[dict[str, Any]]:
        """Every rule group, with its rules' health and evaluation time."""
        groups: list[dict[str, Any]] = self.prometheus.get("/api/v1/rules")["data"]["groups"]
        return groups

    def vector(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an instant query."""
        answer = self.prometheus.get("/api/v1/query", query=expression)["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in answer]


@contextmanager
def running(root: Path, folder: Path, load: Load, overlays: list[Path]) -> Iterator[Running]:
    """Prometheus with filled windows, after `load.evaluations` more evaluations of every group."""
    rules = _generate(root, folder, load, overlays)
    with ExitStack() as stack:
        targets = stack.enter_context(Targets(Exposition(trouble=load.trouble)))
        processes = stack.enter_context(Processes(folder / "logs"))
        address = f"{HOST}:{free_port()}"
        config = folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump(_config(load, rules, targets.address, address)))
        _start(root, folder, processes, address)
        client = Prometheus(f"http://{address}")
        stack.callback(client.close)
        processes.wait_until("Prometheus starts", lambda: client.answers("/-/ready"), START_SECONDS)
        run = Running(load=load, prometheus=client, processes=processes)
        _fill(run)
        _evaluate(run)
        yield run


def _generate(root: Path, folder: Path, load: Load, overlays: list[Path]) -> list[str]:
    pace = folder / "pace.yaml"
    pace.write_text(yaml.safe_dump({"alerting": {"evaluation_interval": load.interval}}))
    files = generate.generate(load_config(root, [*overlays, pace]), root)
    generate.write(files, folder)
    return [str(folder / name) for name in files if name.startswith("rules/generated/")]


def _config(load: Load, rules: list[str], targets: str, own: str) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": load.interval, "scrape_timeout": load.interval},
        "rule_files": rules,
        "scrape_configs": [
            scrape_config(JOB, targets, extractor_names(load.extractors), load.instances),
            {"job_name": SELF, "static_configs": [{"targets": [own]}]},
        ],
    }


def _start(root: Path, folder: Path, processes: Processes, address: str) -> None:
    program = programs.find(programs.PROMETHEUS, root)
    options = {
        "config.file": folder / "prometheus.yaml",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": address,
    }
    processes.start_program("prometheus", program, root, options)


def _fill(run: Running) -> None:
    """Wait until every instance has as many samples as a real one has in its window."""
    load = run.load
    present = f'count(up{{job="{JOB}"}} == 1)'
    least = f'min(count_over_time({REQUESTS.name}{{job="{JOB}"}}[5m]))'

    def filled() -> bool:
        up, samples = run.prometheus.value(present), run.prometheus.value(least)
        return up == load.instances and samples is not None and samples >= load.samples

    what = f"{load.samples} samples of {load.instances} instances"
    run.processes.wait_until(what, filled, START_SECONDS + 2 * load.seconds(load.samples))


def _evaluate(run: Running) -> None:
    """Let every group be evaluated some times more, and note what each rule took."""
    begun = time.monotonic()
    for _ in range(run.load.evaluations):
        _evaluate_once(run)
        run.rule_times.append(_rule_times(run))
    run.window = f"{math.ceil(time.monotonic() - begun)}s"


def _evaluate_once(run: Running) -> None:
    # Those that were skipped, since the one before took too long, do not count.
    done = "min(prometheus_rule_evaluations_total / on (rule_group) prometheus_rule_group_rules)"
    enough = run.value(done) + 1
    run.processes.wait_until("evaluation", lambda: run.value(done) >= enough, START_SECONDS)


def _rule_times(run: Running) -> dict[str, float]:
    times: dict[str, float] = {}
    for group in run.groups():
        for rule in group["rules"]:
            times[rule["name"]] = times.get(rule["name"], 0.0) + rule["evaluationTime"]
    return times
