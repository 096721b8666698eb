"""What scaling up and scaling down share: the plan's shape, the look, the change, the way back."""

from featurewatch_receiver.actions.base import Action, Look, Plan, Progress, SettingsT
from featurewatch_receiver.backends.base import Deployment, Deployments
from featurewatch_receiver.errors import (
    ActionSkippedError,
    TargetChangedError,
    TargetFailedError,
)
from featurewatch_receiver.states import SkipReason


class ReplicasAction(Action[Deployments, SettingsT]):
    """Sets the number of replicas, or its autoscaler's lower bound, if it is still the one seen."""

    needs = Deployments

    def look(self, backend: Deployments, plan: Plan) -> Look:
        """Count the replicas."""
        return _compare(backend.deployment(plan["deployment"]), plan)

    def act(self, backend: Deployments, plan: Plan, key: str) -> Look:
        """Set the number."""
        del key  # the number that is expected already makes a repetition harmless
        name, wanted, seen = plan["deployment"], plan["replicas"], plan["seen"]
        return _compare(backend.scale(name, wanted, expected=seen), plan)

    def undo(self, backend: Deployments, plan: Plan) -> str | None:
        """Set the number that was seen before, unless it was never changed."""
        if backend.deployment(plan["deployment"]).setpoint != plan["replicas"]:
            return None
        backend.scale(plan["deployment"], plan["seen"], expected=plan["replicas"])
        return f"back to {plan['seen']} replicas"


def plan_of(name: str, deployment: Deployment, replicas: int) -> Plan:
    """Plan to set the number of replicas.

    Raises:
        ActionSkippedError: a rollout is paused, half done or stuck.

    """
    if unrest := deployment.changing or deployment.fault:
        raise ActionSkippedError(SkipReason.ROLLOUT_UNDER_WAY, unrest)
    plan: Plan = {"deployment": name, "seen": deployment.setpoint, "replicas": replicas}
    return plan | ({"through": deployment.autoscaler} if deployment.autoscaler else {})


def _compare(deployment: Deployment, plan: Plan) -> Look:
    ready, wanted = deployment.ready_replicas, plan["replicas"]
    if deployment.setpoint not in (plan["seen"], wanted):
        raise TargetChangedError(
            f"{deployment.setpoint} replicas; the plan was {plan['seen']} to {wanted}"
        )
    detail = f"{ready} of {wanted} replicas ready"
    if deployment.setpoint != wanted:
        return Look(progress=Progress.TO_DO, detail=detail)
    if deployment.fault:
        raise TargetFailedError(f"{detail}: {deployment.fault}")
    # An autoscaler may want more of them, and going down it may keep them for a while.
    enough = ready >= wanted if deployment.autoscaler else ready == wanted
    done = enough and deployment.settled
    return Look(progress=Progress.DONE if done else Progress.UNDER_WAY, detail=detail)
