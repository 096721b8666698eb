"""The contracts on imports hold, and each fails when somebody imports upwards."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
PACKAGES = {
    "featurewatch_receiver": "receivers",
    "featurewatch_kit": "kit",
    "featurewatch": "exporter",
}
#: Modules, and what each must not import: upwards, or from beside it.
UPWARDS = [
    ("featurewatch_receiver.labels", "featurewatch_receiver.console.pages"),
    ("featurewatch_receiver.store.schema", "featurewatch_receiver.core"),
    ("featurewatch_receiver.history.audit", "featurewatch_receiver.automation.leases"),
    ("featurewatch_kit.config.alerts", "featurewatch_kit.generate"),
    ("featurewatch_kit.yamltext", "featurewatch_kit.checks.tree"),
    ("featurewatch_kit.demo.clients", "featurewatch_kit.ack"),
    ("featurewatch_kit.chain.play", "featurewatch_kit.testing"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts of pyproject.toml on the packages of a folder."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    shutil.copy(ROOT / "pyproject.toml", folder)
    return subprocess.run(
        command,
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of all packages."""
    for package, folder in PACKAGES.items():
        source = ROOT / folder / package
        shutil.copytree(source, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_package_has_a_contract() -> None:
    assert set(SETTINGS["importlinter"]["root_packages"]) == PACKAGES.keys()


@pytest.mark.parametrize(("module", "higher"), UPWARDS)
def test_an_import_from_a_higher_storey_breaks_the_contract(
    house: Path, module: str, higher: str
) -> None:
    file = house / f"{module.replace('.', '/')}.py"
    file.write_text(f"{file.read_text(encoding='utf-8')}\nimport {higher}\n", encoding="utf-8")
    result = lint(house)
    assert result.returncode == 1, result.stderr
    assert f"{module} -> {higher}" in " ".join(result.stdout.split())


def test_a_ring_in_the_library_breaks_the_contract(house: Path) -> None:
    file = house / "featurewatch/distribution.py"
    file.write_text(f"{file.read_text(encoding='utf-8')}\nimport featurewatch.collector\n")
    result = lint(house)
    assert result.returncode == 1, result.stderr
    assert ".distribution -> .collector" in result.stdout


@pytest.mark.parametrize("package", ["featurewatch_receiver", "featurewatch_kit"])
def test_a_module_that_stands_nowhere_breaks_it(house: Path, package: str) -> None:
    (house / package / "stray.py").touch()
    result = lint(house)
    assert result.returncode == 1, result.stderr
    assert f"{package}.stray" in result.stdout


def test_as_they_are_the_contracts_are_kept(house: Path) -> None:
    result = lint(house)
    assert result.returncode == 0, result.stdout
    assert " 0 broken" in result.stdout
