"""restart_deployment: every replica is replaced, one after the other."""

from featurewatch_receiver.actions.base import Action, Case, Look, Plan, Progress
from featurewatch_receiver.actions.rollouts import require_quiet, require_replaceable
from featurewatch_receiver.backends.base import Deployment, Deployments
from featurewatch_receiver.config.receiver import ActionSettings as Settings
from featurewatch_receiver.config.receiver import Target
from featurewatch_receiver.errors import TargetFailedError


class RestartDeployment(Action[Deployments, Settings]):
    """Restarts once per key; the key stays at the deployment, so that a crash can look it up."""

    needs = Deployments

    def plan(self, backend: Deployments, target: Target, settings: Settings, case: Case) -> Plan:
        """Name the key, and the one to go back to."""
        del settings
        seen = backend.deployment(target.deployment)
        require_replaceable(seen)
        require_quiet(seen)
        plan: Plan = {
            "deployment": target.deployment,
            "restart_key": case.id,
            "previous_key": seen.restart_key,
        }
        return plan | ({"revision": seen.revision} if seen.revision is not None else {})

    def look(self, backend: Deployments, plan: Plan) -> Look:
        """See how far the restart is."""
        return _compare(backend.deployment(plan["deployment"]), plan)

    def act(self, backend: Deployments, plan: Plan, key: str) -> Look:
        """Begin the restart."""
        del key  # the plan's own
        return _compare(backend.restart(plan["deployment"], plan["restart_key"]), plan)

    def undo(self, backend: Deployments, plan: Plan) -> str | None:
        """Bring back the replicas of before, where the platform still has them."""
        seen = backend.deployment(plan["deployment"])
        if seen.restart_key != plan["restart_key"]:
            return None
        backend.undo_restart(plan["deployment"], plan["previous_key"])
        if _overtaken(seen, plan):
            return "its mark was taken back; what somebody else rolls out since then stays"
        return "back to the replicas of before"


def _overtaken(seen: Deployment, plan: Plan) -> bool:
    """Whether somebody else has changed what replicas are made of after the restart."""
    before = plan.get("revision")
    return before is not None and seen.revision is not None and seen.revision > before + 1


def _compare(deployment: Deployment, plan: Plan) -> Look:
    ready, wanted = deployment.ready_replicas, deployment.replicas
    detail = f"{ready} of {wanted} replicas ready"
    if deployment.restart_key != plan["restart_key"]:
        return Look(progress=Progress.TO_DO, detail=detail)
    if deployment.fault:
        raise TargetFailedError(f"{detail}: {deployment.fault}")
    done = deployment.settled and ready == wanted
    return Look(progress=Progress.DONE if done else Progress.UNDER_WAY, detail=detail)
