"""scale_down_deployment: a few replicas less; mostly the end of a scale-up."""

from featurewatch_receiver.actions.base import Case, Plan
from featurewatch_receiver.actions.replicas import ReplicasAction, plan_of
from featurewatch_receiver.backends.base import Deployments
from featurewatch_receiver.config.receiver import ScaleAction as Settings
from featurewatch_receiver.config.receiver import Target
from featurewatch_receiver.errors import ActionSkippedError, TargetChangedError
from featurewatch_receiver.states import SkipReason


class ScaleDownDeployment(ReplicasAction[Settings]):
    """Removes `scale_amount` replicas, down to min_replicas or to what a lease goes back to."""

    def plan(self, backend: Deployments, target: Target, settings: Settings, case: Case) -> Plan:
        """Name the number of replicas seen, and the number wanted."""
        seen = backend.deployment(target.deployment)
        lowest = target.min_replicas
        if case.revert:
            before, leased = case.revert.before["replicas"], case.revert.after["replicas"]
            lowest = max(lowest, before)
            if seen.setpoint not in (leased, before):
                raise TargetChangedError(f"{seen.setpoint} replicas; the lease was of {leased}")
        wanted = max(seen.setpoint - settings.scale_amount, lowest)
        if wanted >= seen.setpoint:
            detail = f"{seen.setpoint} replicas; the least is {lowest}"
            raise ActionSkippedError(SkipReason.AT_BOUND, detail)
        return plan_of(target.deployment, seen, wanted)
