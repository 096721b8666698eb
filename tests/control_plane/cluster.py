"""A namespace with a Deployment of ready pods, and the receiver's own account in it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from receiver.backends.kubernetes.manifests import folder
from receiver.payloads import T0
from waiting import PATIENCE_SECONDS, eventually

from featurewatch_receiver.actions import actions
from featurewatch_receiver.actions.base import Action, Case, Look, Plan
from featurewatch_receiver.automation.converge import Convergence, Patience
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import KubernetesBackend as Settings
from featurewatch_receiver.config.receiver import ReceiverConfig
from kubernetes import client

FE = "feature-extractor"
CRONJOB = "retrain-feature-extractor"
ACCOUNT = "featurewatch-receiver"
RESOURCES = {
    "requests": {"cpu": "500m", "memory": "256Mi"},
    "limits": {"cpu": "1", "memory": "1Gi"},
}

Object = dict[str, Any]


def deployment(**spec: Any) -> Object:
    """Of three pods; the fields of `spec` are laid over it."""
    container = {"name": "fe", "image": "registry.example.com/fe:1", "resources": RESOURCES}
    template = {"metadata": {"labels": {"app": "fe"}}, "spec": {"containers": [container]}}
    known: Object = {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "fe"}},
        "template": template,
    }
    return {"metadata": {"name": FE}, "spec": known | spec}


def annotated(**annotations: str) -> Object:
    """A change of the template: `broken` keeps pods from ever getting ready (kwok.yaml)."""
    return {"spec": {"template": {"metadata": {"annotations": annotations}}}}


@dataclass(frozen=True)
class Cluster:
    """One namespace of the control plane, seen as its administrator and as the receiver."""

    api: client.ApiClient
    namespace: str
    config: ReceiverConfig
    #: Of the receiver's own account, with the rights of receivers/kubernetes/access.
    kubeconfig: Path
    token: Path

    @property
    def apps(self) -> client.AppsV1Api:
        return client.AppsV1Api(self.api)

    def create(self, **spec: Any) -> None:
        """Make the Deployment, and wait until its pods are ready."""
        self.apps.create_namespaced_deployment(self.namespace, deployment(**spec))
        wanted = spec.get("replicas", 3)
        eventually(lambda: self.seen().status.observed_generation)
        eventually(lambda: self.ready() == wanted, what=f"{wanted} ready")
        eventually(lambda: self.seen().status.updated_replicas == (wanted or None))

    def create_set(self, **spec: Any) -> None:
        """Make a StatefulSet of three ready pods."""
        body = deployment(**{"serviceName": "fe", "podManagementPolicy": "Parallel"} | spec)
        self.apps.create_namespaced_stateful_set(self.namespace, body)
        eventually(lambda: self.ready_of_set() == 3)

    def ready_of_set(self) -> int:
        seen = self.apps.read_namespaced_stateful_set(FE, self.namespace)
        return seen.status.ready_replicas or 0

    def apply(self, **spec: Any) -> None:
        """Apply the manifest, as a GitOps controller does by server-side apply."""
        body = {"apiVersion": "apps/v1", "kind": "Deployment"} | deployment(**spec)
        if spec.get("replicas", 3) is None:
            del body["spec"]["replicas"]
        self.apps.patch_namespaced_deployment(
            FE,
            self.namespace,
            body,
            field_manager="gitops",
            _content_type="application/apply-patch+yaml",
        )

    def seen(self) -> Any:
        return self.apps.read_namespaced_deployment(FE, self.namespace)

    def ready(self) -> int:
        return self.seen().status.ready_replicas or 0

    def patch(self, body: Object) -> None:
        """Change the Deployment as somebody else."""
        self.apps.patch_namespaced_deployment(FE, self.namespace, body)

    def stick(self) -> None:
        """Roll out pods that never get ready, and wait until the rollout can't go on."""
        self.patch(annotated(broken="yes"))
        eventually(lambda: (self.ready(), self.seen().status.updated_replicas) == (3, 1))

    def backend(self, seconds: float = PATIENCE_SECONDS, **settings: Any) -> KubernetesClient:
        known = {"kind": "kubernetes", "namespace": self.namespace, "request_timeout": "10s"}
        given = known | {"kubeconfig": str(self.kubeconfig)} | settings
        return KubernetesClient(Settings(**given), None, Deadline(seconds))

    def plan(self, name: str, backend: KubernetesClient, of: str = FE, **case: Any) -> Plan:
        """Plan an action on the Deployment, between 1 and 8 replicas, 4 CPU and 8 GiB."""
        bounds = {"deployment": of, "model": CRONJOB, "min_replicas": 1, "max_replicas": 8}
        bounds |= {"max_cpu": 4.0, "max_memory": "8Gi"}
        target = self.config.targets["feature_extractor"].model_copy(update=bounds)
        known = {"id": "e:a:1", "now": T0, "alertname": "A", "extractor": "fe"}
        settings = self.config.responses.actions.get(name)
        return actions()[name].plan(backend, target, settings, Case(**known | case))

    def carry_out(
        self, name: str, backend: KubernetesClient, plan: Plan, seconds: float = PATIENCE_SECONDS
    ) -> Look:
        acted: list[bool] = []
        return Convergence(
            action=action(name),
            backend=backend,
            plan=plan,
            key="e:a:1",
            patience=Patience(
                deadline=Deadline(seconds),
                stop=threading.Event(),
                pause=0.2,
                is_cancelled=lambda: False,
            ),
            about_to_act=lambda: acted.append(True),
            has_acted=lambda: bool(acted),
        ).run()


def action(name: str) -> Action[Any, Any]:
    return actions()[name]


def lowest(ready: Callable[[], int], work: Callable[[], object]) -> int:
    """The least number that was ready while the work was done."""
    over, seen = threading.Event(), [ready()]

    def watch() -> None:
        while not over.wait(0.05):
            seen.append(ready())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        over.set()
        watcher.join()
    return min(seen)


def grant(api: client.ApiClient, namespace: str) -> None:
    """Give the receiver's account what the shipped Roles have."""
    rights = client.RbacAuthorizationV1Api(api)
    for each in folder("access"):
        each.setdefault("metadata", {})["namespace"] = namespace
        if each["kind"] == "Role":
            rights.create_namespaced_role(namespace, each)
        else:
            subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}
            rights.create_namespaced_role_binding(namespace, each | {"subjects": [subject]})


def kubeconfig_of(admin: Path, folder_: Path) -> tuple[Path, Path]:
    """A kubeconfig like the administrator's with a token in a file; also that file."""
    token, file = folder_ / "account.token", folder_ / "receiver.kubeconfig"
    config = yaml.safe_load(admin.read_text())
    config["users"][0]["user"] = {"tokenFile": str(token)}
    file.write_text(yaml.safe_dump(config))
    return file, token
