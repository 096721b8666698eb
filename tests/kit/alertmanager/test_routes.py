"""The routing tree is walked as Alertmanager walks it: amtool is asked the same."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import PATIENCE_SECONDS

from featurewatch_kit.alertmanager.routes import Route, read_routes
from featurewatch_kit.checks.tree import Tree

Labels = dict[str, str]
Ask = Callable[[Labels], list[str]]

# Every rule of the walk: continue, nesting, each operator, missing labels, a late sibling.
TRICKY = """
route:
  receiver: root
  routes:
    - {receiver: copy, continue: true}
    - receiver: a
      matchers: ['team="a"']
      routes:
        - {receiver: a-low, matchers: ['severity=~"low|none"'], continue: true}
        - {receiver: a-lowest, matchers: ['severity="low"', 'level!="2"']}
        - {matchers: ['level=~"[12]"']}
    - {receiver: without-severity, matchers: ['severity=""']}
    - {receiver: not-b, matchers: ['team!~"b.*"'], continue: true}
    - {receiver: also-a, matchers: ['team=~"a|c"']}
    - receiver: deep
      matchers: ['level!=""']
      routes:
        - {receiver: deeper, matchers: ['team="bb"'], continue: true}
        - receiver: deepest
          matchers: ['team=~"b+"']
          routes: [{receiver: bottom, matchers: ['severity="high"']}]
"""
TRICKY_NAMES = ["root", "copy", "a", "a-low", "a-lowest", "without-severity", "not-b", "also-a"]
TRICKY_NAMES += ["deep", "deeper", "deepest", "bottom"]


def receivers(route: Route, labels: Labels) -> list[str]:
    return [end.receiver for end in route.ends(labels)]


def ask(amtool: Path, file: Path, labels: Labels) -> list[str]:
    """Receivers that amtool names."""
    words = [f"{label}={value}" for label, value in labels.items()]
    command = [amtool, "config", "routes", "test", f"--config.file={file}", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split(",")


@pytest.fixture(scope="module")
def tricky(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    config = yaml.safe_load(TRICKY) | {"receivers": [{"name": name} for name in TRICKY_NAMES]}
    file = tmp_path_factory.mktemp("routing") / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return config, file


@settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    labels=st.fixed_dictionaries(
        {},
        optional={
            "team": st.sampled_from(["a", "aa", "b", "bb", "c", "xb"]),
            "severity": st.sampled_from(["none", "low", "lowest", "high"]),
            "level": st.sampled_from(["1", "2", "12"]),
        },
    )
)
def test_any_labels_end_where_amtool_says(
    labels: Labels, tricky: tuple[dict[str, Any], Path], amtool: Path
) -> None:
    config, file = tricky
    assert receivers(read_routes(config["route"]), labels) == ask(amtool, file, labels)


def test_every_alert_ends_where_amtool_says(tree: Tree, amtool: Path, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(tree.alertmanager), encoding="utf-8")
    strangers = [{"alertname": "DiskFull"}, {"escalation_policy": "gone", "severity": "critical"}]
    for labels in [*(instance.labels for instance in tree.instances), *strangers]:
        assert receivers(tree.root, labels) == ask(amtool, file, labels), labels


def test_what_a_route_does_not_say_it_inherits() -> None:
    root = read_routes(
        {
            "receiver": "people",
            "repeat_interval": "4h",
            "routes": [{"group_wait": "1s", "routes": [{"repeat_interval": "1h"}]}],
        }
    )
    leaf = root.children[0].children[0]
    assert leaf.receiver == "people"
    assert leaf.timing == {"group_wait": "1s", "group_interval": "5m", "repeat_interval": "1h"}
