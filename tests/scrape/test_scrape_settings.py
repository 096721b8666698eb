"""The section `scrape`, and the files that it generates, as promtool sees them."""

import subprocess

import pytest
import yaml
from waiting import PATIENCE_SECONDS

from featurewatch_kit import programs
from featurewatch_kit.project import load_config
from featurewatch_receiver.errors import ConfigError

WHOLE = "prometheus/generated/prometheus.yaml"
FRAGMENT = "prometheus/generated/scrape_configs.yaml"
RAY_FILE = "/tmp/ray/prom_metrics_service_discovery.json"  # noqa: S108  # where Ray writes it


def scraped(folder):
    """The scrape_configs of a folder, by the job's name."""
    jobs = yaml.safe_load((folder / FRAGMENT).read_text())["scrape_configs"]
    return {job["job_name"]: job for job in jobs}


def check(promtool, root, file):
    """Exit code of promtool, and what it says."""
    done = subprocess.run(
        [promtool, "check", "config", file],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        cwd=programs.start_folder(promtool, root),
    )
    return done.returncode, done.stdout + done.stderr


WAYS = {
    "static targets": "{targets: ['a:9101', '[::1]:9101']}",
    "files": "{targets: [], files: [/etc/prometheus/sd/*.json, more.yml]}",
    "annotated pods": "{kubernetes: {enabled: true}}",
    "chosen pods": "{kubernetes: {enabled: true, namespaces: [ml], selector: 'a=b,c in (d, e)'}}",
    "Ray's list": f"{{ray: {{files: [{RAY_FILE}]}}}}",
    "Ray's nodes": "{ray: {targets: ['head:8080', 'worker:8080']}}",
    "everything at once": "{files: [a.json], kubernetes: {enabled: true}, ray: {files: [b.json]}}",
    "nothing but the receiver": "{targets: []}",
}


def without_kubernetes(text):
    """The same with files for pods: Debian builds Prometheus without Kubernetes' discovery."""
    tree = yaml.safe_load(text)
    for job in tree["scrape_configs"]:
        if job.pop("kubernetes_sd_configs", None):
            job["file_sd_configs"] = [{"files": ["pods.json"]}]
    return yaml.safe_dump(tree)


@pytest.mark.parametrize("way", WAYS)
def test_promtool_accepts_every_way_to_find_services(way, generated, promtool, root):
    file = generated(f"scrape: {WAYS[way]}") / WHOLE
    file.write_text(without_kubernetes(file.read_text()))
    code, said = check(promtool, root, file)
    assert code == 0, said


def test_promtool_refuses_what_is_no_scrape_configuration(generated, promtool, root):
    """So that the test above means something."""
    file = generated("") / WHOLE
    file.write_text(file.read_text().replace("static_configs", "static_config"))
    assert check(promtool, root, file)[0] != 0


def test_the_fragment_is_a_file_for_scrape_config_files(generated, promtool, root):
    if programs.version(promtool) < (2, 43):
        pytest.skip("Prometheus 2.43 or newer (make test-compat)")
    folder = generated(f"scrape: {WAYS['files']}")
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump({"scrape_config_files": [FRAGMENT]}))
    code, said = check(promtool, root, file)
    assert code == 0, said


@pytest.mark.parametrize("way", WAYS)
def test_the_fragment_and_the_whole_file_scrape_the_same(way, generated):
    folder = generated(f"scrape: {WAYS[way]}")
    *whole, alertmanager = yaml.safe_load((folder / WHOLE).read_text())["scrape_configs"]
    assert whole == list(scraped(folder).values())
    assert alertmanager["job_name"] == "alertmanager"


def test_the_whole_file_names_rules_and_alertmanagers(generated):
    places = "{rule_files: [rules/*.yaml], alertmanagers: ['am-0:9093', 'am-1:9093']}"
    whole = yaml.safe_load((generated(f"scrape: {places}") / WHOLE).read_text())
    assert whole["rule_files"] == ["rules/*.yaml"]
    (found,) = whole["alerting"]["alertmanagers"]
    assert found == {"static_configs": [{"targets": ["am-0:9093", "am-1:9093"]}]}
    assert whole["scrape_configs"][-1] == {
        "job_name": "alertmanager",
        "scrape_interval": "15s",
        "static_configs": [{"targets": ["am-0:9093", "am-1:9093"]}],
    }


def test_what_is_scraped_is_scraped_as_often_as_rules_are_evaluated(generated):
    folder = generated("alerting: {evaluation_interval: 10s}")
    assert {job["scrape_interval"] for job in scraped(folder).values()} == {"10s"}


# --- Kubernetes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "discovery"),
    [
        ("", {"role": "pod"}),
        ("namespaces: [a, b]", {"role": "pod", "namespaces": {"names": ["a", "b"]}}),
        (
            "selector: app=x",
            {"role": "pod", "selectors": [{"role": "pod", "label": "app=x"}]},
        ),
    ],
)
def test_pods_are_found_in_the_namespaces_and_by_the_selector(settings, discovery, generated):
    folder = generated(f"scrape: {{kubernetes: {{enabled: true, {settings}}}}}")
    job = scraped(folder)["feature-extraction-kubernetes"]
    assert job["kubernetes_sd_configs"] == [discovery]


# --- The receiver ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://localhost:9099", ("localhost:9099", "http", "/metrics")),
        ("http://localhost:9099/", ("localhost:9099", "http", "/metrics")),
        ("https://ops.example.com", ("ops.example.com", "https", "/metrics")),
        ("https://ops.example.com/fw/a/", ("ops.example.com", "https", "/fw/a/metrics")),
    ],
)
def test_the_receiver_is_scraped_where_alertmanager_reaches_it(url, place, generated):
    job = scraped(generated(f"receiver: {{url: '{url}'}}"))["featurewatch-receiver"]
    (targets,) = job["static_configs"]
    found = (*targets["targets"], job.get("scheme", "http"), job.get("metrics_path", "/metrics"))
    assert found == place


def test_without_a_receiver_none_is_scraped(generated):
    folder = generated("{responses: {enabled: false}, channels: {dashboard: {enabled: false}}}")
    assert list(scraped(folder)) == ["feature-extraction"]


# --- Names of jobs --------------------------------------------------------------------------


def test_a_job_can_have_one_of_the_names_that_the_pattern_allows(generated):
    folder = generated("{metrics: {job: 'fe-.*'}, scrape: {job: fe-search}}")
    assert "fe-search" in scraped(folder)


FAULTS = {
    "metrics: {job: 'fe-.*'}": (
        "scrape.job: metrics.job is a pattern, fe-.*; write the name of this job"
    ),
    "metrics: {receiver_job: 'a|b'}": (
        "scrape.receiver_job: metrics.receiver_job is a pattern, a|b; write the name of this job"
    ),
    "scrape: {job: other}": (
        "scrape.job: other is not matched by metrics.job, feature-extraction; write a name that is"
    ),
    "scrape: {targets: [localhost]}": "scrape.targets.0: has the wrong form",
    "scrape: {targets: ['http://localhost:9101/metrics']}": "scrape.targets.0: has the wrong form",
    "scrape: {targets: ['localhost:99999']}": "scrape.targets.0: the port must be from 1 to 65535",
    "scrape: {files: [targets.txt]}": "scrape.files.0: has the wrong form",
    "scrape: {files: ['sd/*/a.json']}": "scrape.files.0: has the wrong form",
    "scrape: {kubernetes: {enabled: true, port: 9101}}": "scrape.kubernetes.port: must be text",
    "scrape: {rule_files: []}": "scrape.rule_files: must not be empty",
}


@pytest.mark.parametrize("overlay", FAULTS)
def test_a_mistake_is_answered_with_its_place_and_its_fix(overlay, root, tmp_path):
    file = tmp_path / "overlay.yaml"
    file.write_text(overlay)
    with pytest.raises(ConfigError) as raised:
        load_config(root, [file])
    assert FAULTS[overlay] in str(raised.value)
