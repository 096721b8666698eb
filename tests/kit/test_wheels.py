"""What the wheels install works in an empty folder, without the checkout."""

import os
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import pytest
import yaml
from waiting import PATIENCE_SECONDS

from featurewatch_kit import generate
from featurewatch_kit.project import load_config
from featurewatch_receiver import runbook


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three wheels, unpacked as pip does with wheels of Python alone."""
    dist, folder = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("installed")
    made = ["scripts/make-wheels.sh", sys.executable, str(dist)]
    subprocess.run(made, cwd=root, check=True, timeout=PATIENCE_SECONDS)
    wheels = sorted(dist.glob("*.whl"))
    assert [wheel.name.partition("-")[0] for wheel in wheels] == [
        "featurewatch",
        "featurewatch_kit",
        "featurewatch_receiver",
    ]
    for wheel in wheels:
        zipfile.ZipFile(wheel).extractall(folder)
    return folder


def call(installed: Path, folder: Path, *arguments: str, module: str = "featurewatch_kit.cli"):
    """Run an installed command there: exit code, stdout, stderr."""
    main = f"import sys; from {module} import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", main, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def run(installed: Path, tmp_path: Path):
    return partial(call, installed, tmp_path)


@pytest.fixture(scope="module")
def mine(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Text of each file that is generated, by its path."""
    folder = tmp_path_factory.mktemp("empty")
    code, said, problem = call(installed, folder, "generate", "--out", "mine")
    assert (code, problem) == (0, "")
    made = {
        str(file.relative_to(folder / "mine")): file.read_text(encoding="utf-8")
        for file in (folder / "mine").rglob("*")
        if file.is_file()
    }
    assert said == f"wrote {len(made)} files below mine\n"
    return made


def test_it_generates_what_the_checkout_does(mine, root):
    expected = generate.generate(load_config(root, []), root)
    assert {name: mine[name] for name in expected} == expected


def test_templates_and_runbook_are_beside_what_needs_them(mine, root):
    for name in ("alertmanager/templates/slack.tmpl", "docs/runbook.md"):
        assert mine[name] == (root / name).read_text(encoding="utf-8")


def test_without_a_folder_nothing_is_written(run, tmp_path):
    code, _, said = run("generate")
    assert code == 2
    assert said == "generate: name a folder for the files with --out (make: OUT=FOLDER)\n"
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_settings_is_named_by_its_line(run, tmp_path):
    (tmp_path / "my.yaml").write_text("alerts: {Nothing: {threshold: 1}}\n")
    code, _, said = run("generate", "--config", "my.yaml", "--out", "mine")
    assert code == 2
    assert said.startswith("my.yaml:1: alerts.Nothing: ")


def test_it_checks_what_it_has_generated(run):
    code, said, _ = run("check")
    assert code == 0
    assert said.splitlines()[-1].endswith(": fine")


def test_it_tests_whom_what_it_generates_tells(run, root):
    code, said, problem = run("test", str(root / "examples/alert_tests.yaml"))
    assert (code, problem) == (0, "")
    assert said.endswith(" passed, 0 failed\n")


def test_the_receiver_has_its_runbook(installed, mine):
    receiver = yaml.safe_load(mine["receivers/generated/receiver.yaml"])
    assert receiver["receiver"]["runbook_file"] is None
    ask = "from featurewatch_receiver import runbook; print(runbook.path(None).read_text())"
    said = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ | {"PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    ).stdout
    assert runbook.section(said, "FeatureExtractionErrorRateHigh") is not None


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("featurewatch_kit.cli", "featurewatch"),
        ("featurewatch_receiver.cli", "featurewatch-receiver"),
        ("featurewatch_exporter.cli", "featurewatch-exporter"),
    ],
)
def test_each_command_says_its_version(run, module, name):
    code, said, _ = run("--version", module=module)
    assert code == 0
    assert said.startswith(f"{name} 0.")
