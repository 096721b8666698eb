"""`featurewatch generate --check` notices generated files that are not current."""

import shutil

import pytest

from featurewatch_kit.cli import main
from featurewatch_kit.generate import generate, write
from featurewatch_kit.project import load_config

SOURCES = ["alertmanager", "dashboards", "lib", "operator", "prometheus", "rules"]
SOURCES += ["receivers/generated"]
FILES = ["config.yaml", "config.libsonnet", "config.schema.json", "mixin.libsonnet"]
ALERTS = "rules/generated/featurewatch_alerts.yaml"
RULE = "operator/generated/prometheus-rule.yaml"
SAID = "not what the sources generate; run `make generate`\n"


@pytest.fixture
def checkout(root, tmp_path):
    """What generation reads and writes, in a folder of its own, where it is current."""
    folder = tmp_path / "checkout"
    for name in SOURCES:
        shutil.copytree(root / name, folder / name)
    for name in FILES:
        shutil.copyfile(root / name, folder / name)
    write(generate(load_config(folder, []), folder), folder)
    return folder


@pytest.fixture
def check(capsys):
    """Exit code of the check of a folder, and what it says on stderr."""

    def run(folder):
        code = main(["generate", "--check", "--root", str(folder)])
        return code, capsys.readouterr().err

    return run


def test_the_projects_generated_files_are_current(root, check):
    assert check(root) == (0, "")


def test_a_copy_of_the_project_is_current_too(checkout, check):
    """The tests below change this copy; without the change nothing is found."""
    assert check(checkout) == (0, "")


@pytest.fixture(autouse=True)
def elsewhere(root, monkeypatch):
    """Run in the project itself, which must not be taken for the folder that --root names."""
    monkeypatch.chdir(root)


def test_a_generated_file_that_was_edited_is_named(checkout, check):
    file = checkout / ALERTS
    file.write_text(file.read_text().replace("for: 10m", "for: 20m"))
    assert check(checkout) == (1, f"{ALERTS}: {SAID}")


def test_a_generated_file_that_is_missing_is_named(checkout, check):
    (checkout / "config.schema.json").unlink()
    assert check(checkout) == (1, f"config.schema.json: {SAID}")


@pytest.mark.parametrize("name", ["rules/generated/old.yaml", "alertmanager/generated/old.yaml"])
def test_a_file_that_is_generated_no_more_is_named(name, checkout, check):
    (checkout / name).write_text("groups: []\n")
    assert check(checkout) == (1, f"{name}: {SAID}")


def test_a_default_that_was_changed_makes_what_it_generates_stale(checkout, check):
    file = checkout / "config.yaml"
    file.write_text(file.read_text().replace("threshold: 0.85", "threshold: 0.8"))
    assert check(checkout) == (1, f"{RULE}: {SAID}rules/generated/featurewatch_rules.yaml: {SAID}")


def test_a_source_that_was_changed_makes_what_it_generates_stale(checkout, check):
    file = checkout / "rules/alerts/FeatureExtractionCacheHitRateLow.libsonnet"
    file.write_text(file.read_text().replace("misses too often", "is useless"))
    assert check(checkout) == (1, f"{RULE}: {SAID}{ALERTS}: {SAID}")


def test_the_check_writes_nothing_and_generate_fixes_what_it_found(checkout, check):
    file = checkout / ALERTS
    good = file.read_text()
    file.write_text("groups: []\n")
    assert check(checkout)[0] == 1
    assert file.read_text() == "groups: []\n"
    assert main(["generate", "--root", str(checkout)]) == 0
    assert file.read_text() == good
    assert check(checkout)[0] == 0


def test_jsonnet_that_does_not_evaluate_is_one_complaint(checkout, capsys):
    (checkout / "rules/alerts/FeatureExtractionCacheHitRateLow.libsonnet").write_text(
        "function(config) {"
    )
    assert main(["generate", "--check", "--root", str(checkout)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("jsonnet: ")
    assert "Traceback" not in said


def test_settings_of_ones_own_never_overwrite_the_checkout(checkout, tmp_path, capsys):
    overlay = tmp_path / "my.yaml"
    overlay.write_text("alerts: {FeatureExtractionErrorRateHigh: {threshold: 0.002}}\n")
    before = (checkout / ALERTS).read_text()
    assert main(["generate", "--root", str(checkout), "--config", str(overlay)]) == 2
    assert capsys.readouterr().err == (
        "generate: name a folder for the files with --out (make: OUT=FOLDER)\n"
    )
    assert (checkout / ALERTS).read_text() == before
