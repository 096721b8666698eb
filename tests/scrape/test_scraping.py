"""A real Prometheus on the generated scrape configuration: which targets, under which labels."""

import json
import sys
from contextlib import ExitStack

import pytest
from waiting import PATIENCE_SECONDS

from featurewatch_kit.demo.processes import Processes
from scrape.running import running_prometheus, write_configuration
from scrape.sources import pages

EXTRACTOR = "feature_extractor"
META = "__meta_kubernetes_"
POD = f"{META}pod_"
ANNOTATION = f"{POD}annotation_prometheus_io_"
RUNNING = {f"{META}namespace": "ml", f"{POD}phase": "Running", f"{POD}container_init": "false"}

# Pods as Kubernetes' discovery tells them: with their annotations and ports. The address is that
# of the pages, unless the annotation has another port.
PODS = {
    "annotated": {f"{ANNOTATION}scrape": "true"},
    "elsewhere": {f"{ANNOTATION}scrape": "true", f"{ANNOTATION}path": "/custom"},
    "other-port": {f"{ANNOTATION}scrape": "true", f"{ANNOTATION}port": "1"},
    "not-annotated": {},
    "switched-off": {f"{ANNOTATION}scrape": "false"},
    "ended": {f"{ANNOTATION}scrape": "true", f"{POD}phase": "Succeeded"},
    "init": {f"{ANNOTATION}scrape": "true", f"{POD}container_init": "true"},
}
CHOSEN = {
    "by-port": {f"{POD}container_port_name": "metrics"},
    "wrong-port": {f"{POD}container_port_name": "http"},
    "no-port": {},
}


def listed(pods, address):
    """Pods as a file of targets, which may have the labels of any discovery."""
    return [
        {"targets": [address], "labels": RUNNING | {f"{POD}name": name} | labels}
        for name, labels in pods.items()
    ]


def from_file(job, file, content):
    """Let a job read its targets from a file instead of from Kubernetes."""
    file.write_text(json.dumps(content))
    del job["kubernetes_sd_configs"]
    job["file_sd_configs"] = [{"files": [str(file)]}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scraping")


@pytest.fixture(scope="module")
def feature_server(root, folder):
    """The port of the example server's metrics."""
    with Processes(folder / "logs") as processes:
        command = [sys.executable, "-m", "feature_server", "--port", "0", "--metrics-port", "0"]
        path = str(root / "examples")
        processes.start("server", [*command, "--exit-with-parent"], PYTHONPATH=path)
        log = processes.log("server")
        processes.wait_until(
            "feature server", lambda: '{"url"' in log.read_text(), PATIENCE_SECONDS
        )
        (ready,) = [line for line in log.read_text().splitlines() if line.startswith('{"url"')]
        yield json.loads(ready)["metrics_url"].rpartition(":")[2].partition("/")[0]


@pytest.fixture(scope="module")
def scraped(root, folder, feature_server):
    """Prometheus, when it has scraped everything twice."""
    with ExitStack() as stack:
        address = stack.enter_context(pages())
        files = {name: folder / f"{name}.json" for name in ("services", "ray", "pods", "chosen")}
        there = {"targets": [f"localhost:{feature_server}"], "labels": {"job": "theirs"}}
        files["services"].write_text(json.dumps([there]))
        # As Ray writes it, with the ports of its autoscaler and its dashboard; the path is ours.
        ray = {"job": "ray", "__metrics_path__": "/ray"}
        nodes = [address, "127.0.0.1:44217", "127.0.0.1:44227"]
        files["ray"].write_text(json.dumps([{"labels": ray, "targets": nodes}]))
        overlay = {
            "metrics": {"job": "feature-extraction|chosen"},
            "scrape": {
                "job": "feature-extraction",
                "targets": [f"127.0.0.1:{feature_server}"],
                "files": [str(files["services"])],
                "ray": {"files": [str(files["ray"])]},
                "kubernetes": {"enabled": True},
            },
        }

        def pods_from_files(config):
            jobs = {job["job_name"]: job for job in config["scrape_configs"]}
            pods = listed(PODS, address)
            from_file(jobs["feature-extraction-kubernetes"], files["pods"], pods)

        config = write_configuration(root, folder, overlay, pods_from_files)
        scraper = stack.enter_context(running_prometheus(root, config, folder))
        counts = "count(count_over_time(up[1h]) >= 2)"
        scraper.until(lambda: (scraper.value(counts) or 0) >= 6, "everything is scraped")
        yield scraper


@pytest.fixture(scope="module")
def chosen(root, tmp_path_factory):
    """The targets of a Prometheus that chooses pods by a selector."""
    folder = tmp_path_factory.mktemp("chosen")
    overlay = {"scrape": {"targets": [], "kubernetes": {"enabled": True, "selector": "a=b"}}}

    def pods_from_files(config):
        from_file(config["scrape_configs"][0], folder / "pods.json", listed(CHOSEN, "localhost:1"))

    config = write_configuration(root, folder, overlay, pods_from_files)
    with running_prometheus(root, config, folder) as scraper:
        scraper.until(lambda: scraper.targets()["activeTargets"], "targets")
        yield scraper.targets()


# --- Services -------------------------------------------------------------------------------


def test_a_service_is_scraped_by_its_address_and_from_a_file_under_our_job(scraped, feature_server):
    up = scraped.series(f'up{{instance=~".*:{feature_server}"}} == 1')
    assert {(labels["instance"], labels["job"]) for labels in up} == {
        (f"127.0.0.1:{feature_server}", "feature-extraction"),
        (f"localhost:{feature_server}", "feature-extraction"),
    }


def test_the_rules_count_what_was_found(scraped):
    count = f'extractor:feature_extraction_instances:count{{extractor="{EXTRACTOR}"}}'
    scraped.until(lambda: scraped.value(count) == 2, "both instances of the service are counted")


# --- Ray ------------------------------------------------------------------------------------

ON_RAY = 'extractor="on_ray"'


def test_replicas_of_one_node_arrive_as_instances_under_the_contracts_names(scraped):
    found = scraped.series(f"feature_extraction_requests_total{{{ON_RAY}}}")
    assert sorted(found, key=lambda labels: labels["instance"]) == [
        {
            "__name__": "feature_extraction_requests_total",
            "job": "feature-extraction",
            "extractor": "on_ray",
            "instance": f"default#Features#{replica}",
        }
        for replica in ("dfroaoiz", "p88um5sg")
    ]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("feature_extraction_requests_total", 10_000),
        ("feature_extraction_duration_seconds_count", 10_000),
        ("feature_extraction_duration_seconds_bucket{le='0.05'}", 9_000),
        ("feature_extraction_cache_lookups_total{result='miss'}", 1_000),
        ("feature_extraction_errors_total{error_type='ModelError'}", 500),
        ("feature_extraction_fallbacks_total{reason='timeout'}", 400),
        ("feature_extraction_info{version='0.1.0'}", 2),
    ],
)
def test_the_values_of_both_replicas_arrive_with_the_contracts_labels(expression, value, scraped):
    metric, _, matchers = expression.partition("{")
    selected = f"{metric}{{{ON_RAY},{matchers or '}'}"
    assert scraped.value(f"sum({selected})") == value


def test_the_quantile_is_computed_from_rays_gauges(scraped):
    """90 % in 0.05 s and 10 % in 0.15 s: the 95th is half way from 0.1 to 0.15."""
    buckets = f"sum by (le) (feature_extraction_duration_seconds_bucket{{{ON_RAY}}})"
    assert scraped.value(f"histogram_quantile(0.95, {buckets})") == pytest.approx(0.125)


def test_nothing_of_ray_itself_is_kept(scraped):
    assert scraped.series('{__name__=~"ray_.+|(ray_)?(node|serve)_.+"}') == []
    labels = {label for series in scraped.series(f"{{{ON_RAY}}}") for label in series}
    assert {label for label in labels if label[0].isupper() or label.startswith("otel")} == set()
    assert "replica" not in labels


def test_of_rays_list_only_its_metrics_agents_are_scraped(scraped):
    up = scraped.series("up")
    assert not [labels for labels in up if labels["instance"].endswith(("44217", "44227"))]


# --- Kubernetes -----------------------------------------------------------------------------


def names(targets):
    return {target["labels"]["pod"] for target in targets if "pod" in target["labels"]}


def test_annotated_pods_that_run_are_scraped(scraped):
    assert names(scraped.targets()["activeTargets"]) == {"annotated", "elsewhere", "other-port"}


def test_annotations_say_path_and_port(scraped):
    active = scraped.targets()["activeTargets"]
    urls = {target["labels"].get("pod"): target["scrapeUrl"] for target in active}
    assert urls["annotated"].endswith("/metrics")
    assert urls["elsewhere"].endswith("/custom")
    assert urls["other-port"] == "http://127.0.0.1:1/metrics"


def test_series_of_a_pod_have_its_namespace_and_our_job(scraped):
    (series,) = scraped.series('asked{pod="elsewhere"}')
    assert series["namespace"] == "ml"
    assert series["job"] == "feature-extraction"


def test_of_pods_that_the_selector_chose_the_named_port_is_scraped(chosen):
    assert names(chosen["activeTargets"]) == {"by-port"}
