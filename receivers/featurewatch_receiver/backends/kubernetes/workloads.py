"""The kinds that a target can name: `fe` or `deployment/fe`, and `statefulset/fe`."""

from dataclasses import dataclass

from featurewatch_receiver.backends.kubernetes.answers import WorkloadAnswer
from featurewatch_receiver.backends.kubernetes.deployments import DeploymentAnswer
from featurewatch_receiver.backends.kubernetes.refusals import require_name
from featurewatch_receiver.backends.kubernetes.stateful_sets import StatefulSetAnswer


@dataclass(frozen=True)
class Kind:
    """A kind of apps/v1, and the client's word for it in its methods."""

    name: str
    method: str
    shape: type[WorkloadAnswer]


DEPLOYMENT = Kind("Deployment", "namespaced_deployment", DeploymentAnswer)
STATEFUL_SET = Kind("StatefulSet", "namespaced_stateful_set", StatefulSetAnswer)
_KINDS = {"deployment": DEPLOYMENT, "statefulset": STATEFUL_SET}


@dataclass(frozen=True)
class Workload:
    """What a target names."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        """As in messages."""
        return f"{self.kind.name.lower()} {self.name}"


def workload_of(target: str) -> Workload:
    """Read the name of a target.

    Raises:
        TargetRefusedError: it can't be one.

    """
    prefix, _, name = target.rpartition("/")
    kind = _KINDS.get(prefix)
    if kind is None:
        kind, name = DEPLOYMENT, target
    require_name(kind.name, name)
    return Workload(kind, name)
