"""scale_up_deployment: a few more replicas, up to the target's max_replicas."""

from featurewatch_receiver.actions.base import Case, Change, Plan
from featurewatch_receiver.actions.replicas import ReplicasAction, plan_of
from featurewatch_receiver.backends.base import Deployments
from featurewatch_receiver.config.receiver import ScaleUpAction, Target
from featurewatch_receiver.errors import ActionSkippedError
from featurewatch_receiver.states import SkipReason


class ScaleUpDeployment(ReplicasAction[ScaleUpAction]):
    """Adds `scale_amount` replicas to those seen when the plan was made, and never twice."""

    reverted_by = "scale_down_deployment"

    def plan(
        self, backend: Deployments, target: Target, settings: ScaleUpAction, case: Case
    ) -> Plan:
        """Name the number of replicas seen, and the number wanted."""
        del case
        seen = backend.deployment(target.deployment)
        bounds = {"max_replicas": target.max_replicas, seen.autoscaler: seen.autoscaler_max}
        bound = min(most for most in bounds.values() if most is not None)
        # An autoscaler may not have reached its lower bound yet.
        now = max(seen.replicas, seen.setpoint)
        wanted = min(now + settings.scale_amount, bound)
        if wanted <= now:
            which = next(name for name, most in bounds.items() if most == bound)
            detail = f"{now} replicas; {which} is {bound}"
            raise ActionSkippedError(SkipReason.AT_BOUND, detail)
        return plan_of(target.deployment, seen, wanted)

    def change(self, plan: Plan) -> Change:
        """The numbers before and after."""
        return Change(before={"replicas": plan["seen"]}, after={"replicas": plan["replicas"]})
