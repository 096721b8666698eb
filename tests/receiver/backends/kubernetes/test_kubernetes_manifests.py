"""The image's recipe and the manifests: they fit each other, the receiver and Kubernetes."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from featurewatch_kit.project import load_config
from featurewatch_receiver.checks import load_receiver_config
from featurewatch_receiver.cli import main
from receiver.backends.kubernetes.manifests import (
    KUBECTL,
    MANIFESTS,
    ROOT,
    Object,
    built,
    folder,
    one,
)

NAME = "app.kubernetes.io/name"
# The oldest whose schemas the package has with every kind used here, and the newest.
VERSIONS = ("1.25", kubernetes_validate.latest_version())
DOCKERFILE = ROOT / "receivers" / "Dockerfile"
needs_kubectl = pytest.mark.skipif(not KUBECTL, reason="kubectl on PATH (make test)")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile, one instruction a line."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    parts = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in parts]


def pod(among: list[Object]) -> Any:
    return one("Deployment", among)["spec"]["template"]


def containers(among: list[Object]) -> list[Any]:
    spec = pod(among)["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site's folder as docs/deploy.md tells to make it."""
    copy = tmp_path / "kubernetes"
    shutil.copytree(MANIFESTS, copy)
    (copy / "site" / "receiver.yaml").write_text("receiver: {}\n")
    return copy / "site"


# --- The image ---------------------------------------------------------------------------


def test_the_linter_has_nothing_to_say_about_the_dockerfile() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_dockerfile_copies_is_there_and_passes_the_ignore_file() -> None:
    ignore = (ROOT / "receivers" / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / path).exists() for path in copied)


def test_the_image_holds_the_receiver_and_no_part_of_the_service_or_the_kit() -> None:
    """What can restart things and what is watched are never in one image."""
    copied = [rest for word, rest in instructions() if word == "COPY"]
    assert not any(part in rest for rest in copied for part in ("exporter", "kit", "examples"))


def test_the_extras_that_the_image_installs_exist() -> None:
    project = tomllib.loads((ROOT / "receivers" / "pyproject.toml").read_text())["project"]
    extras = {"kubernetes", "redis"}
    assert any(f"./receivers[{','.join(sorted(extras))}]" in rest for _, rest in instructions())
    assert extras <= project["optional-dependencies"].keys()


def test_the_images_command_is_one_that_the_receiver_has() -> None:
    last = dict(instructions())
    command = [*yaml.safe_load(last["ENTRYPOINT"]), *yaml.safe_load(last["CMD"])]
    project = tomllib.loads((ROOT / "receivers" / "pyproject.toml").read_text())["project"]
    assert command[0] in project["scripts"]
    assert knows(command[1:])


def test_the_image_runs_as_the_pods_user() -> None:
    user, group = dict(instructions())["USER"].split(":")
    security = pod(folder("base"))["spec"]["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"]) == (int(user), int(group))


def knows(arguments: list[str]) -> bool:
    """The receiver's command line takes the arguments; --help ends it before it does anything."""
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    return ended.value.code == 0


# --- The manifests -----------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["base", "access", "sqlite"])
def test_every_object_is_what_kubernetes_takes(name: str, version: str) -> None:
    for each in folder(name):
        kubernetes_validate.validate(each, version, strict=True)


def test_service_budget_and_policy_select_the_pods() -> None:
    base = folder("base")
    labels = pod(base)["metadata"]["labels"]
    selectors = [
        one("Deployment", base)["spec"]["selector"]["matchLabels"],
        one("Service", base)["spec"]["selector"],
        one("PodDisruptionBudget", base)["spec"]["selector"]["matchLabels"],
        one("NetworkPolicy", base)["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() and selector for selector in selectors)


def test_the_ports_are_those_of_the_service_the_policy_the_image_and_the_operator() -> None:
    base = folder("base")
    (port,) = containers(base)[-1]["ports"]
    (service,) = one("Service", base)["spec"]["ports"]
    (ingress,) = one("NetworkPolicy", base)["spec"]["ingress"]
    assert ingress["ports"] == [{"port": port["name"]}]
    assert service["targetPort"] == port["name"]
    assert dict(instructions())["EXPOSE"] == str(port["containerPort"])
    operator = load_config(ROOT, []).operator.services.receiver
    assert (service["name"], one("Service", base)["metadata"]["labels"][NAME]) == (
        operator.port,
        operator.name,
    )


def test_the_probes_ask_for_what_the_receiver_answers() -> None:
    source = (ROOT / "receivers/featurewatch_receiver/web/health.py").read_text()
    receiver = containers(folder("base"))[-1]
    probes = {name: receiver[name]["httpGet"] for name in receiver if name.endswith("Probe")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert all(f'get("{probe["path"]}")' in source for probe in probes.values())
    assert all(probe["port"] == receiver["ports"][0]["name"] for probe in probes.values())


def test_every_container_is_locked_and_bounded() -> None:
    spec = pod(folder("base"))["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    for container in containers(folder("base")):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


def test_volumes_are_all_there_and_all_used() -> None:
    base = folder("base")
    mounted = {mount["name"] for each in containers(base) for mount in each["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod(base)["spec"]["volumes"]}


def test_the_containers_run_what_the_receiver_has() -> None:
    commands = [each["args"] for each in containers(folder("base")) if "args" in each]
    assert [command[0] for command in commands] == ["migrate", "serve"]
    assert all(knows(command) for command in commands)
    config = dict(pairwise(commands[0]))["--config"]
    mounts = {each["mountPath"] for each in containers(folder("base"))[-1]["volumeMounts"]}
    assert str(Path(config).parent) in mounts
    assert config == dict(pairwise(yaml.safe_load(dict(instructions())["CMD"])))["--config"]


def test_the_password_file_is_readable_by_its_user_alone() -> None:
    password, migrate, receiver = containers(folder("base"))
    *command, source, copy = password["command"]
    assert shlex.join(command) == "install --mode=0600"
    assert [{"name": "PGPASSFILE", "value": copy}] == migrate["env"] == receiver["env"]
    for path, container in ((source, password), (copy, password), (copy, receiver)):
        mounts = {each["mountPath"] for each in container["volumeMounts"]}
        assert str(Path(path).parent) in mounts


def test_the_binding_is_for_the_pods_account_in_the_sites_namespace() -> None:
    base, access = folder("base"), folder("access")
    account = pod(base)["spec"]["serviceAccountName"]
    assert account == one("ServiceAccount", base)["metadata"]["name"]
    namespace = yaml.safe_load((MANIFESTS / "site/kustomization.yaml").read_text())["namespace"]
    roles = {each["metadata"]["name"] for each in access if each["kind"] == "Role"}
    bindings = [each for each in access if each["kind"] == "RoleBinding"]
    assert {each["roleRef"]["name"] for each in bindings} == roles
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    assert all(each["subjects"] == [subject] for each in bindings)


@needs_kubectl
def test_a_site_gets_its_configuration_image_and_namespace(site: Path) -> None:
    made = built(site)
    config = one("ConfigMap", made)["metadata"]["name"]
    volumes = {each["name"]: each for each in pod(made)["spec"]["volumes"]}
    assert volumes["config"]["configMap"]["name"] == config != "featurewatch-receiver"
    image = "registry.example.com/featurewatch-receiver:0.1.0"
    assert {each["image"] for each in containers(made)} == {image}
    assert {each["metadata"]["namespace"] for each in made} == {"monitoring"}


@needs_kubectl
def test_sqlite_is_one_replica_that_keeps_its_file(site: Path) -> None:
    made = built(site.parent / "sqlite")
    for each in made:
        kubernetes_validate.validate(each, VERSIONS[-1], strict=True)
    spec = one("Deployment", made)["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    (receiver,) = containers(made)
    claim = one("PersistentVolumeClaim", made)["metadata"]["name"]
    volumes = {each["name"]: each for each in pod(made)["spec"]["volumes"]}
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim
    database = load_config(ROOT, []).receiver.database
    folder_ = str(Path(database.removeprefix("sqlite:///")).parent)
    mounts = {each["name"]: each["mountPath"] for each in receiver["volumeMounts"]}
    assert mounts["data"] == folder_


def test_the_configuration_that_the_document_shows_fits_the_pod(
    generated: Callable[[str], Path],
) -> None:
    made = load_receiver_config(
        generated(block("deploy.md", "# my.yaml\n")) / "receivers/generated/receiver.yaml"
    )
    receiver = containers(folder("base"))[-1]
    mounts = {each["mountPath"] for each in receiver["volumeMounts"]}
    assert str(Path(made.receiver.token_file).parent) in mounts
    assert made.receiver.listen == f"0.0.0.0:{receiver['ports'][0]['containerPort']}"
    service = one("Service", folder("base"))["metadata"]["name"]
    namespace = yaml.safe_load((MANIFESTS / "site/kustomization.yaml").read_text())["namespace"]
    assert made.receiver.url.startswith(f"http://{service}.{namespace}:")


def test_the_backend_that_the_document_shows_is_taken(generated: Callable[[str], Path]) -> None:
    overlay = block("backends.md", "backends:\n  cluster:\n    kind: kubernetes")
    made = load_receiver_config(generated(overlay) / "receivers/generated/receiver.yaml")
    assert made.backends["cluster"].kind == "kubernetes"
    target = made.targets["feature_extractor"]
    rules = [rule for each in folder("access") if "rules" in each for rule in each["rules"]]
    named = {name for rule in rules for name in rule.get("resourceNames", [])}
    assert {target.deployment, target.model} == named


def block(document: str, begin: str) -> str:
    """The YAML of a document that begins so."""
    text = (ROOT / "docs" / document).read_text()
    (found,) = [
        each for each in re.findall(r"```yaml\n(.*?)```", text, re.S) if each.startswith(begin)
    ]
    return str(found)
