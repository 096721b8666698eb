"""Objects of Kubernetes that were not recorded, after the published schemas of their kinds."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.backends.kubernetes import KubernetesClient
from receiver.replay import Exchange, Replay, recorded

#: The deployment of the recordings, and what its only container is given.
FE = "feature-extractor"
BEFORE = ResourceAmounts(cpu=2.0, memory=2 * 2**30)
#: Opens a backend on the API server of that URL; takes settings.
Open = Callable[..., KubernetesClient]

RUN = "retrain-rec1"

HPAS = "/apis/autoscaling/v2/namespaces/features/horizontalpodautoscalers"

#: Of autoscaling/v2; without minReplicas, which then is 1.
HPA: dict[str, Any] = {
    "metadata": {"name": "fe", "namespace": "features", "uid": "u-1", "resourceVersion": "55"},
    "spec": {
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "feature-extractor",
        },
        "maxReplicas": 6,
        "metrics": [],
    },
    "status": {"currentReplicas": 2, "desiredReplicas": 2},
}

#: Of keda.sh/v1alpha1; without bounds, which then are 0 and 100.
SCALED_OBJECT: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {
        "name": "fe-queue",
        "namespace": "features",
        "uid": "u-2",
        "resourceVersion": "77",
    },
    "spec": {"scaleTargetRef": {"name": "feature-extractor"}, "triggers": []},
}


STATEFUL_SET: dict[str, Any] = {
    "metadata": {"name": FE, "resourceVersion": "88", "uid": "u-4", "generation": 2},
    "spec": {
        "replicas": 3,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "template": {
            "metadata": {"labels": {"app": "fe"}},
            "spec": {"containers": [{"name": "fe", "resources": {"limits": {"cpu": "2"}}}]},
        },
    },
    "status": {
        "observedGeneration": 2,
        "replicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "currentReplicas": 3,
        "updatedReplicas": 3,
        "currentRevision": "fe-5d9f",
        "updateRevision": "fe-5d9f",
    },
}


def changed(body: dict[str, Any], **paths: Any) -> dict[str, Any]:
    """A copy with other values at paths like spec__template__0__name."""
    result = copy.deepcopy(body)
    for path, value in paths.items():
        *parents, last = (int(part) if part.isdigit() else part for part in path.split("__"))
        place: Any = result
        for part in parents:
            place = place[part]
        place[last] = value
    return result


def absent(group: str, plural: str) -> Exchange:
    """What an API server says of a kind that is not installed, in no Status object."""
    path = f"/apis/{group}/v1alpha1/namespaces/features/{plural}"
    return Exchange(
        name=f"no {plural}",
        method="GET",
        path=path,
        asked=None,
        status=404,
        answer="404 page not found\n",
        content_type="text/plain; charset=utf-8",
    )


NO_ROLLOUTS = absent("argoproj.io", "rollouts")
NO_SCALED_OBJECTS = absent("keda.sh", "scaledobjects")


def listed(of: Exchange, *items: dict[str, Any]) -> Exchange:
    """The kind is installed, and there are these."""
    return of.but(status=200, answer={"items": list(items)}, content_type="application/json")


def hpas(*items: dict[str, Any]) -> Exchange:
    """The list of a namespace's autoscalers; its items have no kind of their own."""
    return Exchange(
        name="hpas",
        method="GET",
        path=HPAS,
        asked=None,
        status=200,
        answer={
            "kind": "HorizontalPodAutoscalerList",
            "apiVersion": "autoscaling/v2",
            "metadata": {"resourceVersion": "99"},
            "items": list(items),
        },
        content_type="application/json",
    )


def _cronjob() -> Exchange:
    """As recorded of batch/v1beta1; batch/v1, of Kubernetes 1.21 and later, has the same fields."""
    old = recorded("k8s/cronjob_get_v1beta1")
    path = old.path.replace("v1beta1", "v1")
    return old.but(path=path, answer=old.answer | {"apiVersion": "batch/v1"})


CRONJOB = _cronjob()


def kubeconfig(folder: Path, url: str) -> Path:
    file = folder / "kubeconfig.yaml"
    named = {"clusters": ("cluster", {"server": url}), "users": ("user", {"token": "s3cret"})}
    config = {key: [{"name": "it", kind: value}] for key, (kind, value) in named.items()}
    context = {"name": "it", "context": {"cluster": "it", "user": "it"}}
    file.write_text(yaml.safe_dump(config | {"contexts": [context], "current-context": "it"}))
    return file


def k8s(name: str) -> Exchange:
    return recorded(f"k8s/{name}")


def deployment(name: str, **paths: Any) -> Exchange:
    """A recorded look at the deployment, with other values at dotted paths."""
    seen = k8s(f"deployment_get_{name}")
    return seen.but(answer=changed(seen.answer, **paths))


def stateful_set(**paths: Any) -> Exchange:
    """Three pods that are ready, as Kubernetes 1.37 told of them; others at dotted paths."""
    answer = changed(STATEFUL_SET, **paths)
    path = f"/apis/apps/v1/namespaces/features/statefulsets/{FE}"
    return k8s("deployment_get_stable").but(path=path, answer=answer)


def pod(name: str, given: dict[str, Any] | None = None, **paths: Any) -> dict[str, Any]:
    """A pod of the deployment that has what it was told, as Kubernetes 1.37 tells it."""
    small = {
        "requests": {"cpu": "500m", "memory": "512Mi"},
        "limits": {"cpu": "2", "memory": "2Gi"},
    }
    resources = given or small
    seen = {
        "metadata": {"name": name, "uid": f"u-{name}", "resourceVersion": "90"},
        "spec": {"containers": [{"name": "fe", "resources": resources}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "fe", "resources": resources}],
        },
    }
    return changed(seen, **paths)


def pods(*items: dict[str, Any]) -> Exchange:
    """The pods of a namespace."""
    return hpas().but(path="/api/v1/namespaces/features/pods", answer={"items": list(items)})


def bodies(server: Replay, method: str) -> list[Any]:
    return [sent.body for sent in server.sent if sent.method == method]
