"""Where the generated receiver.yaml lets the console link to."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from featurewatch_kit.generate import RECEIVER, generate
from featurewatch_kit.project import load_config
from featurewatch_receiver.config.receiver import ReceiverConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    return tmp_path / "overlay.yaml"


def generated(overlay: Path, settings: dict[str, Any]) -> Any:
    """The receiver.yaml of these settings over the defaults."""
    overlay.write_text(yaml.safe_dump(settings))
    return yaml.safe_load(generate(load_config(ROOT, [overlay]), ROOT)[RECEIVER])


def test_the_links_are_those_that_browsers_reach(overlay: Path) -> None:
    links = {"prometheus": "https://prometheus.example.com", "alertmanager": None}
    asked = {"prometheus_url": "http://prometheus:9090", "alertmanager_url": "http://am:9093"}
    made = generated(overlay, {"links": links, "receiver": asked})
    assert made["links"] == links
    assert asked.items() <= made["receiver"].items()


def test_by_default_links_lead_where_the_receiver_asks_on_this_machine(overlay: Path) -> None:
    made = generated(overlay, {})
    for name, address in made["links"].items():
        assert address == made["receiver"][f"{name}_url"]


def test_a_receiver_yaml_from_before_there_were_links_has_none(overlay: Path) -> None:
    made = generated(overlay, {})
    del made["links"]
    links = ReceiverConfig.model_validate(made).links
    assert (links.prometheus, links.alertmanager) == (None, None)
