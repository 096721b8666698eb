"""The backend against whatever API server KUBECONFIG names, in a namespace of its own.

Pods need not run: there is neither scheduler nor kubelet at a bare API server. What needs pods
that are ready is not tested here.
"""

import os
import uuid
from collections.abc import Iterator

import pytest
from waiting import eventually

from featurewatch_receiver.backends.base import ResourceAmounts, TrainingState
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import KubernetesBackend as Settings
from featurewatch_receiver.errors import TargetChangedError, TargetRefusedError
from kubernetes import client, config

KUBECONFIG = os.environ.get("KUBECONFIG")
pytestmark = [
    pytest.mark.skipif(not KUBECONFIG, reason="an API server (make test-kubernetes)"),
    # The client's connections are closed when they are collected.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]

FE = "feature-extractor"
SMALL = ResourceAmounts(cpu=1.0, memory=2**30)
LARGE = ResourceAmounts(cpu=1.25, memory=2**30)
CONTAINER = {
    "name": "fe",
    "image": "registry.example.com/fe:1",
    "resources": {
        "requests": {"cpu": "333m", "memory": "256Mi"},
        "limits": {"cpu": "1", "memory": "1Gi"},
    },
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": FE},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "fe"}},
        "template": {"metadata": {"labels": {"app": "fe"}}, "spec": {"containers": [CONTAINER]}},
    },
}
HPA = {
    "apiVersion": "autoscaling/v1",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": FE},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": FE},
        "maxReplicas": 6,
    },
}
POD = {"restartPolicy": "Never", "containers": [{"name": "train", "image": "example.com/t:1"}]}
CRONJOB = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "retrain"},
    "spec": {
        "schedule": "0 3 * * 0",
        "suspend": True,
        "jobTemplate": {"spec": {"template": {"spec": POD}}},
    },
}


@pytest.fixture(scope="module")
def api() -> Iterator[client.ApiClient]:
    with config.new_client_from_config(KUBECONFIG) as opened:
        yield opened


@pytest.fixture(scope="module")
def namespace(api: client.ApiClient) -> Iterator[str]:
    """A namespace that is deleted whatever happens."""
    name = f"featurewatch-{uuid.uuid4().hex[:8]}"
    core = client.CoreV1Api(api)
    core.create_namespace({"metadata": {"name": name}})
    try:
        yield name
    finally:
        core.delete_namespace(name)


def seen(apps: client.AppsV1Api, namespace: str) -> bool:
    """The controller knows the newest state of the deployment."""
    deployment = apps.read_namespaced_deployment(FE, namespace)
    return bool(deployment.status.observed_generation == deployment.metadata.generation)


@pytest.fixture
def apps(api: client.ApiClient, namespace: str) -> Iterator[client.AppsV1Api]:
    """The deployment, new for each test."""
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment(namespace, DEPLOYMENT)
    eventually(lambda: seen(apps, namespace))
    yield apps
    apps.delete_namespaced_deployment(FE, namespace)


@pytest.fixture
def backend(namespace: str) -> Iterator[KubernetesClient]:
    settings = Settings(
        kind="kubernetes",
        namespace=namespace,
        kubeconfig=KUBECONFIG,
        container="fe",
        request_timeout="10s",
    )
    backend = KubernetesClient(settings, None, Deadline(60))
    yield backend
    backend.close()


def replica_sets(apps: client.AppsV1Api, namespace: str) -> list[str]:
    """The deployment's ReplicaSets; the last one is that of its template."""
    owner = apps.read_namespaced_deployment(FE, namespace).metadata.uid
    found = apps.list_namespaced_replica_set(namespace).items
    ours = [each.metadata for each in found if each.metadata.owner_references[0].uid == owner]
    ours.sort(key=lambda each: int(each.annotations["deployment.kubernetes.io/revision"]))
    return [each.name for each in ours]


@pytest.mark.usefixtures("apps")
def test_scaling_changes_the_number_once_and_only_from_the_one_expected(
    backend: KubernetesClient,
) -> None:
    assert backend.scale(FE, 4, expected=2).replicas == 4
    with pytest.raises(TargetChangedError):
        backend.scale(FE, 3, expected=2)
    eventually(lambda: backend.deployment(FE).changing is None)
    assert backend.deployment(FE).replicas == 4
    assert backend.scale(FE, 0, expected=4).replicas == 0


def test_a_restart_makes_new_pods_once_and_is_taken_back_to_those_of_before(
    backend: KubernetesClient, apps: client.AppsV1Api, namespace: str
) -> None:
    eventually(lambda: len(replica_sets(apps, namespace)) == 1)
    (before,) = replica_sets(apps, namespace)
    first = backend.restart(FE, "episode:restart_deployment:1")
    assert first.restart_key == "episode:restart_deployment:1"
    assert not first.settled
    assert backend.restart(FE, "episode:restart_deployment:1").generation == first.generation
    eventually(lambda: len(replica_sets(apps, namespace)) == 2)
    assert backend.undo_restart(FE, None).restart_key is None
    eventually(lambda: replica_sets(apps, namespace)[-1] == before)
    assert len(replica_sets(apps, namespace)) == 2


def test_other_resources_and_back_are_the_pods_of_before(
    backend: KubernetesClient, apps: client.AppsV1Api, namespace: str
) -> None:
    eventually(lambda: len(replica_sets(apps, namespace)) == 1)
    (before,) = replica_sets(apps, namespace)
    assert backend.set_resources(FE, LARGE, expected=SMALL).resources == LARGE
    container = apps.read_namespaced_deployment(FE, namespace).spec.template.spec.containers[0]
    assert container.image == CONTAINER["image"]
    assert container.resources.requests == {"cpu": "416m", "memory": "256Mi"}
    eventually(lambda: len(replica_sets(apps, namespace)) == 2)
    assert backend.set_resources(FE, SMALL, expected=LARGE).resources == SMALL
    eventually(lambda: replica_sets(apps, namespace)[-1] == before)
    assert len(replica_sets(apps, namespace)) == 2


def test_a_paused_rollout_is_scaled_and_not_restarted(
    backend: KubernetesClient, apps: client.AppsV1Api, namespace: str
) -> None:
    apps.patch_namespaced_deployment(FE, namespace, {"spec": {"paused": True}})
    with pytest.raises(TargetRefusedError, match="is paused"):
        backend.restart(FE, "k")
    eventually(lambda: seen(apps, namespace))
    assert backend.scale(FE, 3, expected=2).replicas == 3


def test_an_autoscaler_is_found_and_its_lower_bound_set(
    backend: KubernetesClient, apps: client.AppsV1Api, namespace: str
) -> None:
    scaling = client.AutoscalingV1Api(apps.api_client)
    scaling.create_namespaced_horizontal_pod_autoscaler(namespace, HPA)
    try:
        found = backend.deployment(FE)
        assert (found.autoscaler, found.setpoint) == (f"HorizontalPodAutoscaler {FE}", 1)
        assert backend.scale(FE, 3, expected=1).setpoint == 3
        eventually(lambda: backend.deployment(FE).changing is None)
        with pytest.raises(TargetRefusedError, match="422"):
            backend.scale(FE, 9, expected=3)
    finally:
        scaling.delete_namespaced_horizontal_pod_autoscaler(FE, namespace)


def test_a_job_is_made_once_from_a_cronjob(
    api: client.ApiClient, backend: KubernetesClient, namespace: str
) -> None:
    batch = client.BatchV1Api(api)
    try:
        batch.create_namespaced_cron_job(namespace, CRONJOB)
    except client.ApiException as error:
        if error.status == 404:
            pytest.skip("Kubernetes 1.21 or newer (make test-kubernetes)")
        raise
    facts = {"alertname": 'A"\n{{x}} $(reboot)'}
    assert backend.training("retrain", "run-1") is None
    for _ in range(2):
        assert backend.start_training("retrain", "run-1", facts).state is TrainingState.RUNNING
    assert [job.metadata.name for job in batch.list_namespaced_job(namespace).items] == ["run-1"]
    seen = backend.training("retrain", "run-1")
    assert seen is not None
    assert seen.state is TrainingState.RUNNING
