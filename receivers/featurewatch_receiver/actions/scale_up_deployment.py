"""scale_up_deployment: a few more replicas, up to the target's max_replicas."""

from featurewatch_receiver.actions.base import Look, Plan, Progress
from featurewatch_receiver.backends.base import Backend, Deployment
from featurewatch_receiver.config import Action as Settings
from featurewatch_receiver.config import ScaleAction, Target
from featurewatch_receiver.errors import ActionSkippedError, SkipReason, TargetChangedError


class ScaleUpDeployment:
    """Adds `scale_amount` replicas to those seen when the plan was made, and never twice."""

    def plan(self, backend: Backend, target: Target, settings: Settings) -> Plan:
        """Name the number of replicas seen, and the number wanted."""
        assert isinstance(settings, ScaleAction)  # noqa: S101  # by the type of Actions
        seen = backend.deployment(target.deployment).replicas
        wanted = min(seen + settings.scale_amount, target.max_replicas)
        if wanted <= seen:
            detail = f"{seen} replicas; max_replicas is {target.max_replicas}"
            raise ActionSkippedError(SkipReason.AT_MAX_REPLICAS, detail)
        return {"deployment": target.deployment, "seen": seen, "replicas": wanted}

    def look(self, backend: Backend, plan: Plan) -> Look:
        """Count the replicas."""
        return _compare(backend.deployment(plan["deployment"]), plan)

    def act(self, backend: Backend, plan: Plan, key: str) -> Look:
        """Set the number of replicas, if it is still the one seen."""
        del key  # the number that is expected already makes a repetition harmless
        changed = backend.scale(plan["deployment"], plan["replicas"], expected=plan["seen"])
        return _compare(changed, plan)


def _compare(deployment: Deployment, plan: Plan) -> Look:
    replicas, ready, wanted = deployment.replicas, deployment.ready_replicas, plan["replicas"]
    if replicas not in (plan["seen"], wanted):
        raise TargetChangedError(f"{replicas} replicas; the plan was {plan['seen']} to {wanted}")
    detail = f"{ready} of {wanted} replicas ready"
    if replicas != wanted:
        return Look(progress=Progress.TO_DO, detail=detail)
    done = ready == wanted
    return Look(progress=Progress.DONE if done else Progress.UNDER_WAY, detail=detail)
