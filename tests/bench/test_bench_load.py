"""The synthetic instances are such as Prometheus would meet."""

import re
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from waiting import ANSWER_SECONDS, PATIENCE_SECONDS

from bench import exposition
from bench.exposition import Exposition
from bench.overlays import CHOICES, extractor_names, write_overlay
from bench.targets import Targets, scrape_config
from featurewatch import METRICS
from featurewatch_kit.generate import ALERTS, RULES, generate
from featurewatch_kit.project import load_config


def _samples(page: bytes) -> dict[tuple[str, frozenset], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("trouble", [True, False])
def test_promtool_accepts_the_page(trouble, promtool):
    page = Exposition(trouble=trouble).page("big_model")
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=page,
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_page_has_every_metric_of_the_contract_for_the_extractor_that_is_asked_for():
    page = Exposition(trouble=True).page("big_model").decode()
    described = set(re.findall(r"^# HELP (\S+)", page, re.MULTILINE))
    assert {metric.name for metric in METRICS} <= described
    assert set(re.findall(r'extractor="([^"]*)"', page)) == {"big_model"}


def test_counters_move_from_page_to_page(monkeypatch):
    monkeypatch.setattr(exposition, "MAX_AGE", 0)
    instance = Exposition(trouble=True)
    key = ("feature_extraction_requests_total", frozenset({("extractor", "a")}))
    first, second = _samples(instance.page("a"))[key], _samples(instance.page("a"))[key]
    assert second - first == exposition.REQUESTS


def test_an_instance_that_is_well_counts_no_error_and_no_miss():
    samples = _samples(Exposition(trouble=False).page("a"))
    counted = {
        (name, dict(labels).get("result")): value
        for (name, labels), value in samples.items()
        if name.endswith("_total")
    }
    assert {what for what, value in counted.items() if value} == {
        ("feature_extraction_requests_total", None),
        ("feature_extraction_cache_lookups_total", "hit"),
    }


def test_one_address_answers_for_many_instances():
    with Targets(Exposition(trouble=True)) as targets:
        for extractor in ("a", "b"):
            url = f"http://{targets.address}/{extractor}/7"
            with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
                assert f'extractor="{extractor}"'.encode() in answer.read()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=ANSWER_SECONDS)


def test_prometheus_accepts_the_scrapes(tmp_path, promtool):
    job = scrape_config("features", "127.0.0.1:9", extractor_names(3), 10)
    assert len(job["static_configs"][0]["targets"]) == len(set(job["static_configs"][0]["targets"]))
    file = tmp_path / "prometheus.yaml"
    file.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    done = subprocess.run(
        [promtool, "check", "config", file],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def overlay(root, tmp_path) -> Callable[[int], Path]:
    """Write settings for so many extractors."""

    def write(extractors):
        config = load_config(root, [])
        return write_overlay(tmp_path / "many.yaml", config, extractor_names(extractors))

    return write


def test_the_overlay_gives_each_extractor_its_target_and_thresholds(overlay, root):
    config = load_config(root, [overlay(2 * CHOICES)])
    names = set(extractor_names(2 * CHOICES))
    assert names <= set(config.targets)
    overridden = [alert for _, alert in config.alerts.items() if hasattr(alert, "overrides")]
    assert len(overridden) >= 6
    for alert in overridden:
        assert set(alert.overrides) == names
        thresholds = {str(override.threshold) for override in alert.overrides.values()}
        assert len(thresholds) == CHOICES


def test_the_overlay_is_generated_and_adds_no_rule(overlay, root):
    few, many = (generate(load_config(root, [overlay(count)]), root) for count in (0, 30))
    for name in (RULES, ALERTS):
        rules, same = (yaml.safe_load(files[name])["groups"] for files in (few, many))
        assert [len(group["rules"]) for group in rules] == [len(group["rules"]) for group in same]
    assert "extractor_0029" in many[RULES]
