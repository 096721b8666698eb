"""Reads the manifests of receivers/kubernetes/."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[4]
MANIFESTS = ROOT / "receivers" / "kubernetes"
KUBECTL = shutil.which("kubectl")

Object = dict[str, Any]


def objects(text: str) -> list[Object]:
    """Every object of a file."""
    return [each for each in yaml.safe_load_all(text) if each]


def folder(name: str) -> list[Object]:
    """The objects of a folder that its kustomization names, without those of other folders."""
    path = MANIFESTS / name
    resources = yaml.safe_load((path / "kustomization.yaml").read_text())["resources"]
    files = [path / each for each in resources if each.endswith(".yaml")]
    return [each for file in files for each in objects(file.read_text())]


def one(kind: str, among: list[Object]) -> Object:
    """The only object of a kind."""
    (found,) = [each for each in among if each["kind"] == kind]
    return found


def built(path: Path) -> list[Object]:
    """What `kubectl kustomize` makes of a folder."""
    assert KUBECTL
    done = subprocess.run(
        [KUBECTL, "kustomize", str(path)], check=True, capture_output=True, text=True
    )
    return objects(done.stdout)
