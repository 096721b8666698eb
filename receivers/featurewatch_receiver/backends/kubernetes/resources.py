"""CPU and memory of a container, as one amount each.

The amount is the limit, or the request where there is no limit. A change multiplies both by the
same factor: the request keeps its share of the limit, and the pod its quality of service.
"""

from decimal import Decimal
from typing import Any, Literal

from featurewatch_receiver.backends.base import ResourceAmounts
from featurewatch_receiver.backends.kubernetes.answers import Container, WorkloadAnswer
from featurewatch_receiver.errors import TargetRefusedError

Kind = Literal["cpu", "memory"]
_UNITS = (
    *((unit, 1024**power) for power, unit in ((4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki"))),
    *((unit, 1000**power) for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "k"))),
)
KINDS: tuple[Kind, ...] = ("cpu", "memory")


def container_of(deployment: WorkloadAnswer, name: str | None) -> Container | None:
    """Return the container of that name; without a name the only one, if there is only one."""
    containers = deployment.spec.template.spec.containers
    if name is None:
        return containers[0] if len(containers) == 1 else None
    return next((each for each in containers if each.name == name), None)


def require_container(deployment: WorkloadAnswer, name: str | None) -> Container:
    """Return the container.

    Raises:
        TargetRefusedError: there is none, or it is not clear which.

    """
    if container := container_of(deployment, name):
        return container
    raise TargetRefusedError(f"kubernetes: {unsized(deployment, name)}")


def unsized(deployment: WorkloadAnswer, name: str | None) -> str | None:
    """Why nobody can say what each replica is given; None when it can be said."""
    container = container_of(deployment, name)
    if container is None:
        names = ", ".join(each.name for each in deployment.spec.template.spec.containers)
        fix = "name one of them as `container` of the backend"
        return f"{deployment.metadata.name} has the containers {names}; {fix}"
    if amounts(container) == ResourceAmounts():
        fix = "write them at the container, not at its pod"
        return f"container {container.name} sets neither CPU nor memory; {fix}"
    return None


def amounts(container: Container | None) -> ResourceAmounts:
    """What the container is given; a limit of 0 is no limit."""
    if container is None:
        return ResourceAmounts()
    cpu, memory = (_amount(container, kind) for kind in KINDS)
    return ResourceAmounts(
        cpu=None if cpu is None else float(cpu), memory=None if memory is None else int(memory)
    )


def patch_of(container: Container, wanted: ResourceAmounts) -> dict[str, Any]:
    """Return `resources` of the container for a strategic merge patch.

    Raises:
        TargetRefusedError: the container sets neither request nor limit of what is wanted.

    """
    patch: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    seen = amounts(container)
    for kind in KINDS:
        if (to := getattr(wanted, kind)) in (None, getattr(seen, kind)):
            continue
        now = _amount(container, kind)
        if now is None:
            message = f"kubernetes: container {container.name} sets no {kind}; set it by hand first"
            raise TargetRefusedError(message)
        for part in ("requests", "limits"):
            if value := getattr(container.resources, part).get(kind):
                patch[part][kind] = _write(kind, value * Decimal(str(to)) / now)
    return patch


def scaled(container: Container, wanted: ResourceAmounts) -> dict[str, dict[str, str]]:
    """All of `resources` of the container, at other amounts."""
    whole: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for kind in KINDS:
        if (now := _amount(container, kind)) is None:
            continue
        to = getattr(wanted, kind)
        for part, given in whole.items():
            if value := getattr(container.resources, part).get(kind):
                more = value if to is None else value * Decimal(str(to)) / now
                given[kind] = _write(kind, more)
    return whole


def _amount(container: Container, kind: Kind) -> Decimal | None:
    resources = container.resources
    return resources.limits.get(kind) or resources.requests.get(kind) or None


def _write(kind: Kind, value: Decimal) -> str:
    """Thousandths of a core, or bytes; the API server rounds to the same.

    Bytes stay as they are written, so they are as a person would: an owner who applies 1Gi again
    would be told of a conflict with 1073741824.
    """
    if kind == "cpu":
        return f"{round(value * 1000)}m"
    amount = round(value)
    fitting = (f"{amount // size}{unit}" for unit, size in _UNITS if amount % size == 0)
    return next(fitting, str(amount))
