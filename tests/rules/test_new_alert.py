"""An alert that docs/design.md adds, in a copy of the project: one file of jsonnet is enough."""

import json
import re
import shutil
import subprocess
from copy import deepcopy

import _jsonnet
import pytest
import rjsonnet
import yaml

from featurewatch_kit.cli import main

NAME = "FeatureExtractionTimeoutRateHigh"
RECORD = "extractor:feature_extraction_timeouts:ratio_rate5m"
FOLDERS = ["alertmanager", "dashboards", "lib", "operator", "prometheus", "rules"]
FILES = ["config.yaml", "config.libsonnet", "config.schema.json", "mixin.libsonnet"]
# One in ten extractions of a slow one takes too long, and no other.
TESTS = f"""
rule_files: [../../rules/generated/*.yaml]
evaluation_interval: 15s
group_eval_order: [featurewatch.rules, featurewatch.alerts]
tests:
  - interval: 15s
    input_series:
      - {{series: 'feature_extraction_requests_total{{extractor="slow"}}', values: 0+100x40}}
      - series: feature_extraction_errors_total{{extractor="slow", error_type="TimeoutError"}}
        values: 0+10x40
      - {{series: 'feature_extraction_requests_total{{extractor="wrong"}}', values: 0+100x40}}
      - series: feature_extraction_errors_total{{extractor="wrong", error_type="ValueError"}}
        values: 0+10x40
    promql_expr_test:
      - expr: ALERTS{{alertname="{NAME}", escalation_level="1"}}
        eval_time: 10m
        exp_samples:
          - labels: >-
              ALERTS{{alertname="{NAME}", alertstate="firing", category="errors",
              escalation_level="1", escalation_policy="error_rate_spike", extractor="slow",
              severity="high", type="rate"}}
            value: 1
"""


@pytest.fixture(scope="module")
def checkout(root, tmp_path_factory):
    """A copy of the project with the new alert, and nothing generated for it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in FOLDERS:
        shutil.copytree(root / name, folder / name)
    for name in FILES:
        shutil.copyfile(root / name, folder / name)
    (folder / f"rules/alerts/{NAME}.libsonnet").write_text(documented(root))
    file = folder / "config.yaml"
    settings = yaml.safe_load(file.read_text())
    # A copy: of the engines one reads no aliases of YAML.
    settings["alerts"][NAME] = deepcopy(settings["alerts"]["FeatureExtractionErrorRateHigh"])
    file.write_text(yaml.safe_dump(settings))
    shutil.copytree(root / "docs", folder / "docs")
    with (folder / "docs/runbook.md").open("a") as runbook:
        runbook.write(f"\n## {NAME}\n\nLook at the model server.\n")
    shutil.copytree(root / "tests/rules", folder / "tests/rules")
    (folder / f"tests/rules/{NAME}.yaml").write_text(TESTS)
    assert main(["generate", "--root", str(folder)]) == 0
    return folder


def documented(root):
    """The file as the document has it."""
    text = (root / "docs/design.md").read_text(encoding="utf-8")
    section = text[text.index("## A new alert") : text.index("## Limits")]
    (code,) = re.findall(r"```jsonnet\n(.*?)```", section, re.DOTALL)
    return code


def test_the_configuration_is_sound_as_a_whole(checkout, capsys):
    code = main(["check", "--root", str(checkout)])
    assert "featurewatch check: 22 alerts" in capsys.readouterr().out
    assert code == 0


@pytest.mark.parametrize("missing", [f"tests/rules/{NAME}.yaml", "docs/runbook.md"])
def test_what_was_forgotten_is_named(missing, checkout, capsys):
    file = checkout / missing
    text = file.read_text()
    file.write_text(
        text.replace(f"## {NAME}", "## Another")
    ) if "docs" in missing else file.unlink()
    try:
        assert main(["check", "--root", str(checkout)]) == 1
    finally:
        file.write_text(text)
    assert f"{missing}: " in capsys.readouterr().out


def test_it_fires_for_what_it_counts_alone(checkout, promtool):
    file = checkout / f"tests/rules/{NAME}.yaml"
    ran = subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_receiver_checks_it_and_a_panel_draws_it(checkout):
    receiver = yaml.safe_load((checkout / "receivers/generated/receiver.yaml").read_text())
    check = receiver["alerts"][NAME]["checks"]["timeout_ratio"]
    assert 'error_type="TimeoutError"' in check["value"]
    assert check["threshold"].startswith(f'min(featurewatch:threshold{{alert="{NAME}"')
    overview = json.loads(
        (checkout / "dashboards/generated/featurewatch-overview.json").read_text()
    )
    titles = [panel["title"] for panel in overview["panels"]]
    place = titles.index("Timeout ratio")
    assert titles[place - 1 : place + 2] == ["Error ratio", "Timeout ratio", "Fallback ratio"]
    metrics = (checkout / "docs/metrics.md").read_text()
    assert (
        f"| `{RECORD}` | timeouts, of all extractions | {NAME} | Overview: Timeout ratio |"
        in metrics
    )


@pytest.mark.parametrize("engine", [rjsonnet, _jsonnet], ids=["rjsonnet", "jsonnet"])
def test_whoever_uses_jsonnet_alone_has_it_too(engine, checkout):
    program = f"(import '{checkout}/mixin.libsonnet').prometheusRules"
    made = json.loads(engine.evaluate_snippet("test", program))
    assert RECORD in [rule.get("record") for group in made["groups"] for rule in group["rules"]]


def test_its_settings_are_those_of_a_ratio(checkout, tmp_path, capsys):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        f"alerts: {{{NAME}: {{threshold: 2}}, FeatureExtractionTimeoutRateHgh: {{}}}}\n"
    )
    given = ["--root", str(checkout), "--config", str(overlay), "--out", str(tmp_path / "out")]
    assert main(["generate", *given]) == 2
    said = capsys.readouterr().err
    assert f"alerts.{NAME}.threshold: must be less than 1" in said
    assert f"alerts.FeatureExtractionTimeoutRateHgh: unknown key; write '{NAME}'" in said
