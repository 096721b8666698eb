"""What a real Prometheus scrapes and has loaded, compared with the configuration."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Histogram, start_http_server
from waiting import PATIENCE_SECONDS

from featurewatch_kit import programs
from featurewatch_kit.checks.live import check_live
from featurewatch_kit.checks.prometheus import Prometheus
from featurewatch_kit.checks.restarts import FLAG
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.cli import main
from featurewatch_kit.config.model import Config
from featurewatch_kit.demo.processes import Processes, free_port
from featurewatch_kit.errors import ServerError

Project = Callable[[str], tuple[Config, Tree]]
# Those of extractors with the bounds of the configuration, and with others.
KNOWN, STRANGE = "feature_extractor", "big_model"
# Two series of one extractor, of which neither is meant: its evaluation fails.
FAULTY = {"record": "faulty", "expr": "feature_extraction_duration_seconds_bucket + on () up"}


@pytest.fixture(scope="module", autouse=True)
def past_any_proxy() -> Iterator[None]:
    """This machine's own servers are asked directly, whatever the environment says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("no_proxy", "127.0.0.1")
        yield


@pytest.fixture(scope="module")
def metrics(root: Path) -> Iterator[str]:
    """Serve histograms of two extractors; host and port."""
    bounds = yaml.safe_load((root / "config.yaml").read_text())["metrics"]["duration_buckets"]
    registry = CollectorRegistry()
    for extractor, buckets in ((KNOWN, bounds), (STRANGE, [0.1, 1.0])):
        name = "feature_extraction_duration_seconds"
        own = CollectorRegistry()
        histogram = Histogram(name, "Duration.", ["extractor"], buckets=buckets, registry=own)
        histogram.labels(extractor).observe(0.07)
        registry.register(_Together(own))
    port = free_port()
    server, thread = start_http_server(port, "127.0.0.1", registry)
    yield f"127.0.0.1:{port}"
    server.shutdown()
    server.server_close()
    thread.join()


class _Together:
    """One registry as a collector of another: each may bring the same metric."""

    def __init__(self, registry: CollectorRegistry):
        self._registry = registry

    def collect(self) -> Any:
        return self._registry.collect()

    def describe(self) -> list[Any]:
        return []


@pytest.fixture(scope="module")
def prometheus(
    metrics: str,
    root: Path,
    default_project: tuple[Config, Tree],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes them and evaluates the generated rules and a faulty one."""
    folder = tmp_path_factory.mktemp("prometheus")
    _write_configuration(folder, default_project[1], metrics)
    program = programs.find(programs.PROMETHEUS, root)
    address = f"127.0.0.1:{free_port()}"
    options = {
        "config.file": folder / "prometheus.yaml",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": address,
        # What becomes of alerts with a restart has tests of its own.
        FLAG: "0s",
    }
    with Processes(folder / "logs") as processes:
        processes.start_program("prometheus", program, root, options)
        client = Prometheus(f"http://{address}")
        processes.wait_until("scrape and evaluation", lambda: _ready(client), PATIENCE_SECONDS)
        yield client


def _write_configuration(folder: Path, tree: Tree, metrics: str) -> None:
    groups = deepcopy([*tree.rules["groups"], *tree.alert_rules["groups"]])
    groups[0]["rules"].append(FAULTY)
    for group in groups:
        group["interval"] = "1s"
    settings = {
        "global": {"scrape_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "scrape_configs": [
            {"job_name": "feature-extraction", "static_configs": [{"targets": [metrics]}]}
        ],
    }
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def _ready(client: Prometheus) -> bool:
    try:
        scraped = client.series("feature_extraction_duration_seconds_count")
        health = [rule["health"] for group in client.groups() for rule in group["rules"]]
    except ServerError:  # it is starting
        return False
    return bool(scraped) and "err" in health and "unknown" not in health


@pytest.fixture
def loaded(tree: Tree) -> Tree:
    """What Prometheus has loaded."""
    tree.rules["groups"][0]["rules"].append(FAULTY)
    return tree


def lines(config: Config, tree: Tree, prometheus: Prometheus) -> list[str]:
    """What is found, but for the faulty rule that is always loaded."""
    found = [str(finding) for finding in check_live(config, tree, prometheus)]
    return [line for line in found if "rule faulty: fails" not in line]


# Nobody is asked to compare an extractor that has other bounds.
FITTING = """
alerts:
  FeatureExtractionLatencyCritical: {overrides: {big_model: {enabled: false}}}
"""


def test_what_fits_is_fine(loaded: Tree, project: Project, prometheus: Prometheus) -> None:
    """The default thresholds are bounds, and so is 0.1 of the other extractor."""
    config, _ = project(FITTING)
    assert lines(config, loaded, prometheus) == []


def test_a_threshold_that_is_no_bound_of_an_extractor(
    config: Config, loaded: Tree, prometheus: Prometheus
) -> None:
    assert lines(config, loaded, prometheus) == [
        "alerts.FeatureExtractionLatencyCritical.threshold: 0.15 is no bucket bound that big_model"
        " is scraped with (0.1, 1); give the library that bound, or write one of these"
    ]


def test_bounds_are_compared_as_numbers(
    project: Project, loaded: Tree, prometheus: Prometheus
) -> None:
    """The library writes le="1.0"."""
    overrides = "{overrides: {big_model: {threshold: 1}}}"
    config, _ = project(f"alerts: {{FeatureExtractionLatencyCritical: {overrides}}}")
    assert prometheus.series('feature_extraction_duration_seconds_bucket{le="1.0"}')
    assert lines(config, loaded, prometheus) == []


def test_an_override_that_is_no_bound_is_named(
    project: Project, loaded: Tree, prometheus: Prometheus
) -> None:
    overrides = "{overrides: {big_model: {threshold: 0.25}}}"
    config, _ = project(f"alerts: {{FeatureExtractionLatencyCritical: {overrides}}}")
    (found,) = lines(config, loaded, prometheus)
    assert found.startswith(
        "alerts.FeatureExtractionLatencyCritical.overrides.big_model.threshold: 0.25 is no bucket"
    )


def test_metrics_that_are_not_scraped(
    project: Project, loaded: Tree, prometheus: Prometheus
) -> None:
    config, _ = project("metrics: {selector: 'namespace=\"elsewhere\"'}")
    assert lines(config, loaded, prometheus) == [
        f"{prometheus.url}: feature_extraction_duration_seconds_bucket: has no such series, so no"
        " threshold is proved; check the scrape job and selector",
        f"targets.feature_extractor: {prometheus.url} scrapes no metrics of it, so nothing is ever"
        " remediated there; check its name and the scrape job",
    ]


def test_rules_that_are_not_loaded(project: Project, loaded: Tree, prometheus: Prometheus) -> None:
    config, _ = project(FITTING)
    loaded.rules["groups"][0]["name"] = "featurewatch.others"
    assert lines(config, loaded, prometheus) == [
        f"{prometheus.url}: group featurewatch.others: is not loaded; add the generated rules to"
        " rule_files and reload"
    ]


def test_rules_that_are_not_those_of_the_configuration(
    project: Project, loaded: Tree, prometheus: Prometheus
) -> None:
    config, _ = project(FITTING)
    rule = next(r for r in loaded.alert_rules["groups"][0]["rules"] if r["alert"] == "Watchdog")
    rule["labels"]["severity"] = "critical"
    assert lines(config, loaded, prometheus) == [
        f"{prometheus.url}: group featurewatch.alerts: has other rules than are generated"
        " (Watchdog); load the generated rules again"
    ]


def test_a_rule_that_fails_is_told_with_its_error(
    config: Config, loaded: Tree, prometheus: Prometheus
) -> None:
    found = [str(finding) for finding in check_live(config, loaded, prometheus)]
    (failing,) = [line for line in found if "faulty" in line]
    assert failing.startswith(f"{prometheus.url}: rule faulty: fails (")
    assert "many-to-one" in failing


# --- The command ----------------------------------------------------------------------------


def test_the_command_asks_prometheus(
    root: Path, prometheus: Prometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--root", str(root), "--prometheus", prometheus.url]) == 1
    assert "0.15 is no bucket bound that big_model" in capsys.readouterr().out


@pytest.mark.parametrize("there", [True, False])
def test_what_is_no_prometheus_is_wrong_input(
    there: bool, root: Path, metrics: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://{metrics if there else f'127.0.0.1:{free_port()}'}"
    assert main(["check", "--root", str(root), "--prometheus", url]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{url}: no answer from Prometheus (")
    assert said.endswith("); check the address given with --prometheus\n")


def test_a_login_is_not_printed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = f"127.0.0.1:{free_port()}"
    assert main(["check", "--root", str(root), "--prometheus", f"http://ada:s3cret@{place}"]) == 2
    assert capsys.readouterr().err.startswith(f"http://{place}: no answer from Prometheus (")
