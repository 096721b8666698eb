"""Who sets the number of replicas instead of us: a HorizontalPodAutoscaler, or KEDA above one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featurewatch_receiver.backends.kubernetes.answers import Answer, Metadata, Written
from featurewatch_receiver.errors import TargetRefusedError

if TYPE_CHECKING:
    from featurewatch_receiver.backends.kubernetes.api import Api

HPA = "HorizontalPodAutoscaler"
SCALED_OBJECT = "ScaledObject"
_KEDA = ("keda.sh", "v1alpha1")
_PLURAL = "scaledobjects"


class Reference(Answer):
    """Of scaleTargetRef."""

    kind: str
    name: str


class HpaSpec(Answer):
    """The lower bound is 1 where none is written."""

    scale_target_ref: Reference
    min_replicas: int = 1
    max_replicas: int


class Hpa(Answer):
    """Of autoscaling/v1, which every version serves; its metrics are nothing to us."""

    metadata: Metadata
    spec: HpaSpec


class HpaList(Answer):
    """Those of one namespace."""

    items: list[Hpa]


class ScaledObjectSpec(Answer):
    """The defaults are KEDA's."""

    min_replica_count: int = 0
    max_replica_count: int = 100


class ScaledObjectAnswer(Answer):
    """KEDA's; it writes the bounds of the HorizontalPodAutoscaler below it."""

    metadata: Metadata
    spec: ScaledObjectSpec


@dataclass(frozen=True, kw_only=True)
class Autoscaler:
    """What owns the number of replicas."""

    kind: str
    name: str
    resource_version: str
    min: int
    max: int

    def __str__(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.name}"


def find(api: "Api", namespace: str, deployment: str) -> Autoscaler | None:
    """Return what scales the deployment, or None.

    Raises:
        TargetError: it can't be seen, or several do.

    """
    what = "list horizontalpodautoscalers"
    verb = api.autoscaling.list_namespaced_horizontal_pod_autoscaler
    found = [
        hpa
        for hpa in api.call(what, HpaList, verb, namespace).items
        if hpa.spec.scale_target_ref == Reference(kind="Deployment", name=deployment)
    ]
    if len(found) > 1:
        names = ", ".join(sorted(hpa.metadata.name for hpa in found))
        raise TargetRefusedError(f"kubernetes: {names} all scale {deployment}; leave one of them")
    return _owner(api, namespace, found[0]) if found else None


def set_minimum(api: "Api", namespace: str, scaler: Autoscaler, minimum: int) -> None:
    """Set the lower bound, provided that nobody has changed the autoscaler meanwhile."""
    what = f"patch {scaler}"
    metadata = {"resourceVersion": scaler.resource_version}
    if scaler.kind == HPA:
        body: dict[str, Any] = {"metadata": metadata, "spec": {"minReplicas": minimum}}
        verb = api.autoscaling.patch_namespaced_horizontal_pod_autoscaler
        api.write(what, Written, verb, scaler.name, namespace, body=body)
        return
    body = {"metadata": metadata, "spec": {"minReplicaCount": minimum}}
    api.call(
        what,
        Written,
        api.custom.patch_namespaced_custom_object,
        *_KEDA,
        namespace,
        _PLURAL,
        scaler.name,
        body=body,
    )


def _owner(api: "Api", namespace: str, hpa: Hpa) -> Autoscaler:
    for owner in hpa.metadata.owner_references:
        if owner.controller and owner.kind == SCALED_OBJECT:
            return _scaled_object(api, namespace, owner.name)
    return Autoscaler(
        kind=HPA,
        name=hpa.metadata.name,
        resource_version=hpa.metadata.resource_version,
        min=hpa.spec.min_replicas,
        max=hpa.spec.max_replicas,
    )


def _scaled_object(api: "Api", namespace: str, name: str) -> Autoscaler:
    verb = api.custom.get_namespaced_custom_object
    what = f"get {SCALED_OBJECT} {name}"
    found = api.call(what, ScaledObjectAnswer, verb, *_KEDA, namespace, _PLURAL, name)
    return Autoscaler(
        kind=SCALED_OBJECT,
        name=name,
        resource_version=found.metadata.resource_version,
        min=found.spec.min_replica_count,
        max=found.spec.max_replica_count,
    )
