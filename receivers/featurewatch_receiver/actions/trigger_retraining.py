"""trigger_retraining: start a training run of the target's model."""

import hashlib

from featurewatch_receiver.actions.base import Action, Case, Look, Plan, Progress
from featurewatch_receiver.backends.base import Training, Trainings, TrainingState
from featurewatch_receiver.config.receiver import RetrainAction, Target
from featurewatch_receiver.errors import TargetFailedError

# Names of Kubernetes and of Ray allow no more than letters, digits and dashes.
_PREFIX = "featurewatch-"


class TriggerRetraining(Action[Trainings, RetrainAction]):
    """Starts one run per remediation; what it makes of the model is not decided here."""

    where = "model_backend"
    needs = Trainings

    def plan(self, backend: Trainings, target: Target, settings: RetrainAction, case: Case) -> Plan:
        """Name the model, and a run of its own."""
        del backend
        digest = hashlib.sha256(case.id.encode()).hexdigest()[:16]
        facts = {"alertname": case.alertname or "", "extractor": case.extractor}
        return {
            "model": target.model,
            "run_id": _PREFIX + digest,
            "wait": settings.wait,
            "facts": facts,
        }

    def look(self, backend: Trainings, plan: Plan) -> Look:
        """See whether the run is there."""
        run = backend.training(plan["model"], plan["run_id"])
        if run is None:
            return Look(progress=Progress.TO_DO, detail=f"no run {plan['run_id']} yet")
        return _progress(run, plan)

    def act(self, backend: Trainings, plan: Plan, key: str) -> Look:
        """Start the run."""
        del key  # the run's id is the key
        return _progress(backend.start_training(plan["model"], plan["run_id"], plan["facts"]), plan)


def _progress(run: Training, plan: Plan) -> Look:
    detail = f"run {run.run_id} {run.state}" + (f": {run.detail}" if run.detail else "")
    if run.state is TrainingState.FAILED:
        raise TargetFailedError(detail)
    done = run.state is TrainingState.SUCCEEDED or not plan["wait"]
    return Look(progress=Progress.DONE if done else Progress.UNDER_WAY, detail=detail)
