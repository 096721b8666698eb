"""optimize_resources: give each replica more of what it is short of, up to the target's bounds."""

from dataclasses import asdict
from typing import Any

from featurewatch_receiver.actions.base import Action, Case, Change, Look, Plan, Progress
from featurewatch_receiver.actions.rollouts import require_quiet, require_replaceable
from featurewatch_receiver.backends.base import Deployment, ResourceAmounts, Resources
from featurewatch_receiver.config.receiver import OptimizeAction, Target
from featurewatch_receiver.config.values import quantity
from featurewatch_receiver.errors import (
    ActionSkippedError,
    TargetChangedError,
    TargetFailedError,
    TargetRefusedError,
)
from featurewatch_receiver.states import SkipReason


class OptimizeResources(Action[Resources, OptimizeAction]):
    """Multiplies CPU or memory, whichever is violated; both when nobody knows which."""

    needs = Resources
    reverted_by = "optimize_resources"

    def plan(
        self, backend: Resources, target: Target, settings: OptimizeAction, case: Case
    ) -> Plan:
        """Name the amounts seen, and those wanted."""
        deployment = backend.deployment(target.deployment)
        seen = deployment.resources
        if case.revert:
            plan = _revert(target, seen, case.revert)
            _require_replaceable(deployment)
            return plan
        _require_replaceable(deployment)
        require_quiet(deployment)
        short_of = frozenset(("cpu", "memory")) & (case.violated or frozenset(("cpu", "memory")))
        if not short_of:
            detail = f"{', '.join(sorted(case.violated))}: neither CPU nor memory is short"
            raise ActionSkippedError(SkipReason.NOTHING_TO_DO, detail)
        if deployment.unsized:
            raise TargetRefusedError(deployment.unsized)
        wanted = _more(seen, target, settings.factor, short_of)
        if wanted == seen:
            detail = f"{_words(seen)}; max_cpu is {target.max_cpu}, max_memory {target.max_memory}"
            raise ActionSkippedError(SkipReason.AT_BOUND, detail)
        return _plan(target, seen, wanted)

    def look(self, backend: Resources, plan: Plan) -> Look:
        """Compare the amounts."""
        return _compare(backend.deployment(plan["deployment"]), plan)

    def act(self, backend: Resources, plan: Plan, key: str) -> Look:
        """Set the amounts, if they still are those seen."""
        del key  # the amounts that are expected already make a repetition harmless
        wanted, seen = ResourceAmounts(**plan["resources"]), ResourceAmounts(**plan["seen"])
        return _compare(backend.set_resources(plan["deployment"], wanted, expected=seen), plan)

    def undo(self, backend: Resources, plan: Plan) -> str | None:
        """Set the amounts that were seen before, unless they were never changed."""
        wanted, seen = ResourceAmounts(**plan["resources"]), ResourceAmounts(**plan["seen"])
        if backend.deployment(plan["deployment"]).resources != wanted:
            return None
        backend.set_resources(plan["deployment"], seen, expected=wanted)
        return f"back to {_words(seen)}"

    def change(self, plan: Plan) -> Change:
        """The amounts before and after."""
        return Change(before=plan["seen"], after=plan["resources"])


def _more(
    seen: ResourceAmounts, target: Target, factor: float, short_of: frozenset[str]
) -> ResourceAmounts:
    cpu, memory = seen.cpu, seen.memory
    if "cpu" in short_of and cpu is not None and target.max_cpu is not None:
        cpu = max(cpu, min(round(cpu * factor, 3), target.max_cpu))
    if "memory" in short_of and memory is not None and target.max_memory is not None:
        memory = max(memory, min(int(memory * factor), quantity(target.max_memory)))
    return ResourceAmounts(cpu=cpu, memory=memory)


def _revert(target: Target, seen: ResourceAmounts, change: Change) -> Plan:
    before, after = ResourceAmounts(**change.before), ResourceAmounts(**change.after)
    if seen == before:
        raise ActionSkippedError(SkipReason.AT_BOUND, f"{_words(seen)}, as before the lease")
    if seen != after:
        raise TargetChangedError(f"{_words(seen)}; the lease was of {_words(after)}")
    return _plan(target, seen, before)


def _plan(target: Target, seen: ResourceAmounts, wanted: ResourceAmounts) -> dict[str, Any]:
    return {"deployment": target.deployment, "seen": asdict(seen), "resources": asdict(wanted)}


def _compare(deployment: Deployment, plan: Plan) -> Look:
    wanted, seen = ResourceAmounts(**plan["resources"]), ResourceAmounts(**plan["seen"])
    ready = f"{deployment.ready_replicas} of {deployment.replicas} replicas ready"
    detail = f"{_words(deployment.resources)}; {ready}"
    if deployment.resources not in (seen, wanted):
        raise TargetChangedError(f"{detail}; the plan was {_words(wanted)}")
    if deployment.resources == seen or deployment.untold:
        return Look(progress=Progress.TO_DO, detail=detail)
    if deployment.fault:
        raise TargetFailedError(f"{detail}: {deployment.fault}")
    done = deployment.settled and deployment.ready_replicas == deployment.replicas
    return Look(progress=Progress.DONE if done else Progress.UNDER_WAY, detail=detail)


def _require_replaceable(deployment: Deployment) -> None:
    if not deployment.in_place:
        require_replaceable(deployment)


def _words(amounts: ResourceAmounts) -> str:
    cpu = "no CPU" if amounts.cpu is None else f"{amounts.cpu:g} CPU"
    memory = "no memory" if amounts.memory is None else f"{amounts.memory / 2**20:.0f} MiB"
    return f"{cpu}, {memory}"
