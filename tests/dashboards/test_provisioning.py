"""What Grafana reads at its start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from featurewatch_kit import generate

Provisioned = dict[str, Any]


def read(folder: Path, kind: str) -> Provisioned:
    """One generated file, as Grafana reads it."""
    text = (folder / generate.PROVISIONING / kind / "featurewatch.yaml").read_text(encoding="utf-8")
    made: Provisioned = yaml.safe_load(text)
    return made


def test_the_data_source_is_the_configured_prometheus(generated: Callable[[str], Path]) -> None:
    overlay = """
    grafana: {prometheus_url: "http://prometheus:9090"}
    alerting: {evaluation_interval: 10s}
    """
    (source,) = read(generated(overlay), "datasources")["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    # $__rate_interval is four times that, so that each rate sees several scrapes.
    assert source["jsonData"]["timeInterval"] == "10s"


def test_dashboards_are_read_from_the_configured_folder(generated: Callable[[str], Path]) -> None:
    made = read(generated("grafana: {dashboards_path: /srv/dashboards}"), "dashboards")
    (provider,) = made["providers"]
    assert (provider["type"], provider["options"]["path"]) == ("file", "/srv/dashboards")


def test_both_are_of_the_version_that_grafana_knows(root: Path) -> None:
    assert [read(root, kind)["apiVersion"] for kind in ("datasources", "dashboards")] == [1, 1]


def test_a_file_that_is_generated_no_more_is_told(generated: Callable[[str], Path]) -> None:
    folder = generated("{}")
    left = f"{generate.PROVISIONING}/datasources/old.yaml"
    (folder / left).write_text("apiVersion: 1\n", encoding="utf-8")
    files = {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in folder.glob("*/generated/**/*")
        if file.is_file() and file != folder / left
    }
    assert generate.stale(files, folder) == [left]
