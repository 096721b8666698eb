"""Who sets the number of replicas instead of us: an HPA, KEDA, an Argo Rollout."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featurewatch_receiver.backends.kubernetes.answers import (
    Condition,
    Item,
    Items,
    KubernetesAnswer,
    Metadata,
    WorkloadAnswer,
    Written,
)
from featurewatch_receiver.backends.kubernetes.refusals import (
    KubernetesMissingError,
    UnservedError,
)
from featurewatch_receiver.backends.kubernetes.workloads import Workload
from featurewatch_receiver.errors import TargetRefusedError

if TYPE_CHECKING:
    from featurewatch_receiver.backends.kubernetes.kube_api import Api

HPA = "HorizontalPodAutoscaler"
SCALED_OBJECT = "ScaledObject"
_HPAS = "horizontalpodautoscalers"
#: A patch through version 1 would put the metrics into another order. Before Kubernetes 1.23 there
#: is no other one.
_HPA_VERSIONS = (("autoscaling", "v2"), ("autoscaling", "v1"))
_KEDA = ("keda.sh", "v1alpha1")
_PLURAL = "scaledobjects"
_ARGO = ("argoproj.io", "v1alpha1")
_ROLLOUTS = "rollouts"
#: KEDA's annotations that keep it from scaling; the value of all but the second is true or false.
_PAUSES = tuple(
    f"autoscaling.keda.sh/{name}"
    for name in ("paused", "paused-replicas", "paused-scale-in", "paused-scale-out")
)
#: Groups that a Deployment was ever in; empty where none was written.
_GROUPS = ("", "apps", "extensions")


class Reference(KubernetesAnswer):
    """Of scaleTargetRef and workloadRef; the kind is KEDA's default."""

    api_version: str = ""
    kind: str = "Deployment"
    name: str = ""

    def names(self, of: Workload) -> bool:
        """It is this one, and nothing of another kind or API of the same name."""
        group = self.api_version.rpartition("/")[0]
        return group in _GROUPS and (self.kind, self.name) == (of.kind.name, of.name)


class HpaSpec(KubernetesAnswer):
    """The lower bound is 1 where none is written."""

    scale_target_ref: Reference
    min_replicas: int = 1
    max_replicas: int


class HpaStatus(KubernetesAnswer):
    """What the controller does about it."""

    conditions: tuple[Condition, ...] = ()


class Hpa(KubernetesAnswer):
    """Its metrics are nothing to us."""

    metadata: Metadata
    spec: HpaSpec
    status: HpaStatus = HpaStatus()

    @property
    def sleeps(self) -> bool:
        """It has scaled to 0 by itself and goes on, which it may since Kubernetes 1.37."""
        held = ((each.type, each.status) for each in self.status.conditions)
        return ("ScaledToZero", "True") in held


class ScaledObjectSpec(KubernetesAnswer):
    """The defaults are KEDA's."""

    scale_target_ref: Reference = Reference()
    min_replica_count: int = 0
    max_replica_count: int = 100


class ScaledObjectAnswer(KubernetesAnswer):
    """KEDA's; it writes the bounds of the HorizontalPodAutoscaler below it."""

    metadata: Metadata
    spec: ScaledObjectSpec

    @property
    def pause(self) -> str:
        """The annotation that keeps KEDA from scaling, with its value; empty for none."""
        given = self.metadata.annotations
        words = (
            f"{name}: {given[name]}" for name in _PAUSES if given.get(name, "false") != "false"
        )
        return next(words, "")


class RolloutSpec(KubernetesAnswer):
    """A Rollout has pods of its own, or those of a Deployment that it names."""

    workload_ref: Reference = Reference()


class RolloutAnswer(KubernetesAnswer):
    """Argo's; it scales the Deployment that it names to 0, by and by."""

    metadata: Metadata
    spec: RolloutSpec


@dataclass(frozen=True, kw_only=True)
class Autoscaler:
    """What owns the number of replicas."""

    kind: str
    #: Group and version of its API.
    api: tuple[str, str]
    name: str
    resource_version: str
    min: int
    max: int
    #: What keeps it from scaling; empty for nothing.
    pause: str = ""
    #: It scales from 0 as well.
    wakes: bool

    def __str__(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.name}"


def find(api: "Api", namespace: str, of: Workload) -> Autoscaler | None:
    """Return what scales it, or None.

    Raises:
        TargetError: it can't be seen, or several do.

    """
    version, listed = _hpas(api, namespace)
    found = [hpa for hpa in listed if hpa.spec.scale_target_ref.names(of)]
    if len(found) > 1:
        names = ", ".join(sorted(hpa.metadata.name for hpa in found))
        raise TargetRefusedError(f"kubernetes: {names} all scale {of.name}; leave one of them")
    if not found:
        return _idle(api, namespace, of)
    return _owner(api, namespace, found[0], version)


def require_no_rollout(api: "Api", namespace: str, of: Workload) -> None:
    """Raise TargetRefusedError for a Deployment whose pods an Argo Rollout has taken over."""
    for rollout in _custom(api, namespace, _ARGO, _ROLLOUTS, RolloutAnswer):
        if rollout.spec.workload_ref.names(of):
            raise TargetRefusedError(
                f"kubernetes: {of.name} belongs to Rollout {rollout.metadata.name} "
                "(workloadRef), which scales it; change that one"
            )


def require_switched_on(scaler: Autoscaler | None, deployment: WorkloadAnswer) -> None:
    """Raise TargetRefusedError for what a person has stopped or paused."""
    if scaler and scaler.pause:
        raise TargetRefusedError(
            f"kubernetes: {scaler} is paused ({scaler.pause}); remove the annotation first"
        )
    if deployment.spec.replicas or (scaler and scaler.wakes):
        return
    name = deployment.metadata.name
    stopped = f"0 replicas switch {scaler} off" if scaler else f"somebody has stopped {name}"
    raise TargetRefusedError(f"kubernetes: {stopped}; scale the deployment by hand first")


def set_minimum(api: "Api", namespace: str, scaler: Autoscaler, minimum: int) -> None:
    """Set the lower bound, provided that nobody has changed the autoscaler meanwhile."""
    bound, plural = ("minReplicas", _HPAS) if scaler.kind == HPA else ("minReplicaCount", _PLURAL)
    metadata = {"resourceVersion": scaler.resource_version}
    body: dict[str, Any] = {"metadata": metadata, "spec": {bound: minimum}}
    verb = api.custom.patch_namespaced_custom_object
    place = (*scaler.api, namespace, plural, scaler.name)
    api.write(f"patch {scaler}", Written, verb, *place, body=body)


def _hpas(api: "Api", namespace: str) -> tuple[tuple[str, str], list[Hpa]]:
    """Every one of the namespace, in the newest version that is served."""
    verb, what = api.custom.list_namespaced_custom_object, f"list {_HPAS}"
    new, old = _HPA_VERSIONS
    try:
        return new, api.call(what, Items[Hpa], verb, *new, namespace, _HPAS).items
    except UnservedError:
        return old, api.call(what, Items[Hpa], verb, *old, namespace, _HPAS).items


def _owner(api: "Api", namespace: str, hpa: Hpa, version: tuple[str, str]) -> Autoscaler:
    owner = hpa.metadata.controller
    if owner and owner.kind == SCALED_OBJECT:
        verb = api.custom.get_namespaced_custom_object
        what = f"get {SCALED_OBJECT} {owner.name}"
        place = (*_KEDA, namespace, _PLURAL, owner.name)
        return _scaled_object(api.call(what, ScaledObjectAnswer, verb, *place))
    return Autoscaler(
        kind=HPA,
        api=version,
        wakes=hpa.sleeps,
        name=hpa.metadata.name,
        resource_version=hpa.metadata.resource_version,
        min=hpa.spec.min_replicas,
        max=hpa.spec.max_replicas,
    )


def _idle(api: "Api", namespace: str, of: Workload) -> Autoscaler | None:
    """A ScaledObject without its HorizontalPodAutoscaler: KEDA 2.21 deletes that in a pause."""
    for each in _custom(api, namespace, _KEDA, _PLURAL, ScaledObjectAnswer):
        if each.spec.scale_target_ref.names(of):
            return _scaled_object(each)
    return None


def _custom(
    api: "Api", namespace: str, of: tuple[str, str], plural: str, shape: type[Item]
) -> list[Item]:
    """Every object of a kind; none where the kind is not installed."""
    verb = api.custom.list_namespaced_custom_object
    try:
        return api.call(f"list {plural}", Items[shape], verb, *of, namespace, plural).items  # type: ignore[valid-type]
    except (UnservedError, KubernetesMissingError):
        return []


def _scaled_object(found: ScaledObjectAnswer) -> Autoscaler:
    return Autoscaler(
        kind=SCALED_OBJECT,
        api=_KEDA,
        wakes=True,
        name=found.metadata.name,
        resource_version=found.metadata.resource_version,
        min=found.spec.min_replica_count,
        max=found.spec.max_replica_count,
        pause=found.pause,
    )
