"""The `kubernetes` backend: Deployments, StatefulSets, their autoscalers, and Jobs of CronJobs.

The names of a target are names of the cluster: `deployment` is a Deployment, or a StatefulSet as
`statefulset/NAME`, `model` the CronJob that trains it. Every change bears the resourceVersion of
what it was decided on.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from featurewatch_receiver.backends.base import Deployment, ResourceAmounts, Training
from featurewatch_receiver.backends.kubernetes import autoscalers, resizing
from featurewatch_receiver.backends.kubernetes.answers import (
    RESTART,
    Container,
    CronJobAnswer,
    JobAnswer,
    WorkloadAnswer,
    Written,
)
from featurewatch_receiver.backends.kubernetes.autoscalers import Autoscaler
from featurewatch_receiver.backends.kubernetes.refusals import (
    ExistsError,
    KubernetesConflictError,
    KubernetesMissingError,
    require_name,
)
from featurewatch_receiver.backends.kubernetes.resizing import Setpoint
from featurewatch_receiver.backends.kubernetes.resources import (
    amounts,
    container_of,
    patch_of,
    require_container,
    unsized,
)
from featurewatch_receiver.backends.kubernetes.trainings import job_of, training_of
from featurewatch_receiver.backends.kubernetes.workloads import workload_of
from featurewatch_receiver.clock import Deadline
from featurewatch_receiver.config.backends import LABEL
from featurewatch_receiver.config.backends import KubernetesBackend as Settings
from featurewatch_receiver.errors import (
    ConfigError,
    TargetBlindError,
    TargetChangedError,
    TargetRefusedError,
    TargetUnreadyError,
)

if TYPE_CHECKING:
    from featurewatch_receiver.backends.kubernetes.kube_api import Api

#: The controller writes to a Deployment at every step of a rollout, so a change may have to be
#: decided anew a few times.
TRIES = 5


class KubernetesClient:
    """Speaks to one namespace during one step of one remediation.

    It is Deployments, Resources and Trainings.
    """

    def __init__(self, settings: Settings, secret: None, deadline: Deadline):
        del secret  # the kubeconfig's, or the ServiceAccount's: read anew by the client
        self._settings = settings
        self._namespace = settings.namespace
        self._deadline = deadline
        self._api = _api(settings, deadline)
        #: Names of those that were seen.
        self._jobs: set[str] = set()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def deployment(self, name: str) -> Deployment:
        """Look at a deployment, and at what scales it."""
        return self._describe(self._get(name), self._autoscaler(name))

    def scale(self, name: str, setpoint: int, *, expected: int) -> Deployment:
        """Set the number of replicas, or its autoscaler's lower bound, if it is as expected."""
        self._persist(lambda: self._scale(name, setpoint, expected))
        return self.deployment(name)

    def restart(self, name: str, key: str) -> Deployment:
        """Replace every replica, once per key."""
        self._persist(lambda: self._restart(name, key))
        return self.deployment(name)

    def undo_restart(self, name: str, previous_key: str | None) -> Deployment:
        """Mark the pods as before; those that are still there stay."""
        self._persist(lambda: self._restart(name, previous_key))
        return self.deployment(name)

    def set_resources(
        self, name: str, wanted: ResourceAmounts, *, expected: ResourceAmounts
    ) -> Deployment:
        """Set requests and limits together; every replica is replaced."""
        self._persist(lambda: self._set_resources(name, wanted, expected))
        return self.deployment(name)

    def start_training(self, model: str, run_id: str, facts: dict[str, str]) -> Training:
        """Make a Job from the CronJob `model`, or find the one of this id."""
        require_name("CronJob", model)
        require_name("Job", run_id, LABEL)
        verb = self._api.batch.read_namespaced_cron_job
        cron = self._api.call(f"get cronjob {model}", CronJobAnswer, verb, model, self._namespace)
        try:
            return self._known(self._create_job(job_of(cron, run_id, facts), run_id))
        except ExistsError:
            return self._known(self._job(run_id))

    def training(self, model: str, run_id: str) -> Training | None:
        """Look at a Job; None when there is none.

        Raises:
            TargetBlindError: there was one, and somebody has deleted it.

        """
        del model
        require_name("Job", run_id, LABEL)
        try:
            return self._known(self._job(run_id))
        except KubernetesMissingError:
            if run_id not in self._jobs:
                return None
            gone = f"kubernetes: somebody has deleted job {run_id}, or the CronJob that it is of"
            raise TargetBlindError(f"{gone}; how it ended nobody can tell") from None

    def _scale(self, name: str, setpoint: int, expected: int) -> None:
        deployment, scaler = self._get(name), self._autoscaler(name)
        seen = self._describe(deployment, scaler)
        if seen.setpoint != expected:
            raise TargetChangedError(
                f"kubernetes: {name} is set to {seen.setpoint} replicas and not to {expected}"
            )
        if deployment.changing:
            refusal = TargetRefusedError if deployment.seen else TargetUnreadyError
            raise refusal(f"kubernetes: {deployment.changing}")
        if setpoint > expected:
            autoscalers.require_switched_on(scaler, deployment)
        self._require_free(name, deployment)
        if scaler:
            autoscalers.set_minimum(self._api, self._namespace, scaler, setpoint)
            return
        self._patch(name, deployment, {"replicas": setpoint}, of="_scale")

    def _restart(self, name: str, key: str | None) -> None:
        deployment = self._get(name)
        if deployment.restart_key == key:
            return
        template = {"metadata": {"annotations": {RESTART: key}}}
        self._roll(name, deployment, template)

    def _set_resources(self, name: str, wanted: ResourceAmounts, expected: ResourceAmounts) -> None:
        deployment = self._get(name)
        container = require_container(deployment, self._settings.container)
        if self._settings.in_place:
            self._resize(name, deployment, container, (expected, wanted))
            return
        if (seen := amounts(container)) != expected:
            raise TargetChangedError(f"kubernetes: {name} has {seen} and not {expected}")
        changed = {"name": container.name, "resources": patch_of(container, wanted)}
        template = {"spec": {"containers": [changed]}}
        self._roll(name, deployment, template)

    def _resize(
        self,
        name: str,
        seen: WorkloadAnswer,
        container: Container,
        change: tuple[ResourceAmounts, ResourceAmounts],
    ) -> None:
        """Give the pods other amounts, from those expected to those wanted, and go on with it."""
        expected, wanted = change
        point, template = resizing.setpoint_of(seen), amounts(container)
        now = point.amounts if point else template
        if now not in change:
            raise TargetChangedError(f"kubernetes: {name} has {now} and not {expected}")
        self._require_free(name, seen)
        begun = Setpoint(cpu=wanted.cpu, memory=wanted.memory, told=False)
        version = seen.metadata.resource_version
        if point != begun:
            version = self._annotate(name, version, begun)
        pods = resizing.pods_of(self._api, self._namespace, seen)
        resizing.resize(self._api, self._namespace, pods, container, wanted)
        told = None if wanted == template else begun.model_copy(update={"told": True})
        self._annotate(name, version, told)

    def _annotate(self, name: str, version: str, point: Setpoint | None) -> str:
        """Write what the pods are to have; return the version that it led to."""
        to, value = workload_of(name), point.model_dump_json() if point else None
        annotations = {resizing.ANNOTATION: value}
        body = {"metadata": {"resourceVersion": version, "annotations": annotations}}
        verb = getattr(self._api.apps, f"patch_{to.kind.method}")
        written = self._api.write(f"patch {to}", Written, verb, to.name, self._namespace, body=body)
        return written.metadata.resource_version

    def _get(self, name: str) -> WorkloadAnswer:
        of = workload_of(name)
        verb = getattr(self._api.apps, f"read_{of.kind.method}")
        return self._api.call(f"get {of}", of.kind.shape, verb, of.name, self._namespace)

    def _roll(self, name: str, seen: WorkloadAnswer, template: dict[str, Any]) -> None:
        """Change the pod template, so that every pod is replaced."""
        if seen.paused:
            raise TargetRefusedError(f"kubernetes: {seen.paused}")
        self._require_free(name, seen)
        self._patch(name, seen, {"template": template})

    def _require_free(self, name: str, seen: WorkloadAnswer) -> None:
        """Raise TargetRefusedError for a deployment that something else sets right again."""
        if owner := seen.metadata.controller:
            raise TargetRefusedError(
                f"kubernetes: {seen.metadata.name} belongs to {owner.kind} {owner.name}, which "
                "sets it right again; change that one"
            )
        if self._settings.autoscalers:
            autoscalers.require_no_rollout(self._api, self._namespace, workload_of(name))

    def _patch(
        self, name: str, seen: WorkloadAnswer, spec: dict[str, Any], *, of: str = ""
    ) -> None:
        """Change a deployment; the server refuses when it is not the one that was seen."""
        to = workload_of(name)
        verb = getattr(self._api.apps, f"patch_{to.kind.method}{of}")
        body = {"metadata": {"resourceVersion": seen.metadata.resource_version}, "spec": spec}
        self._api.write(f"patch {to}", Written, verb, to.name, self._namespace, body=body)

    def _autoscaler(self, name: str) -> Autoscaler | None:
        if not self._settings.autoscalers:
            return None
        return autoscalers.find(self._api, self._namespace, workload_of(name))

    def _describe(self, answer: WorkloadAnswer, scaler: Autoscaler | None) -> Deployment:
        seen = self._describe_template(answer, scaler)
        if not self._settings.in_place:
            return seen
        point = resizing.setpoint_of(answer)
        pods = resizing.pods_of(self._api, self._namespace, answer)
        infeasible = next((each.infeasible for each in pods if each.infeasible), None)
        return replace(
            seen,
            in_place=True,
            resources=point.amounts if point else seen.resources,
            untold=point is not None and not point.told,
            settled=seen.settled and not any(each.resizing for each in pods),
            fault=seen.fault or infeasible,
        )

    def _describe_template(self, answer: WorkloadAnswer, scaler: Autoscaler | None) -> Deployment:
        return Deployment(
            replicas=answer.spec.replicas,
            ready_replicas=answer.status.ready_replicas,
            generation=str(answer.metadata.generation),
            settled=answer.rolled_out,
            fault=answer.fault,
            changing=answer.changing,
            paused=answer.paused,
            unsafe=None if self._settings.unsafe_rollouts else answer.unsafe,
            restart_key=answer.restart_key,
            revision=answer.revision,
            autoscaler=str(scaler) if scaler else None,
            autoscaler_min=scaler.min if scaler else None,
            autoscaler_max=scaler.max if scaler else None,
            resources=amounts(container_of(answer, self._settings.container)),
            unsized=unsized(answer, self._settings.container),
        )

    def _create_job(self, body: dict[str, Any], run_id: str) -> JobAnswer:
        # Not create_namespaced_job: it refuses fields that are newer than the client.
        verb = self._api.custom.create_namespaced_custom_object
        place = ("batch", "v1", self._namespace, "jobs")
        return self._api.write(f"create job {run_id}", JobAnswer, verb, *place, body=body)

    def _job(self, run_id: str) -> JobAnswer:
        verb = self._api.batch.read_namespaced_job
        return self._api.call(f"get job {run_id}", JobAnswer, verb, run_id, self._namespace)

    def _known(self, job: JobAnswer) -> Training:
        self._jobs.add(job.metadata.name)
        return training_of(job)

    def _persist(self, change: Callable[[], None]) -> None:
        """Change; look and decide anew whenever somebody else was faster."""
        for _ in range(TRIES - 1):
            try:
                return change()
            except KubernetesConflictError:
                if self._deadline.left() <= 0:
                    raise
        return change()


def _api(settings: Settings, deadline: Deadline) -> "Api":
    try:
        from featurewatch_receiver.backends.kubernetes.kube_api import Api
    except ModuleNotFoundError as error:
        fix = "run pip install 'featurewatch-receiver[kubernetes]'"
        raise ConfigError([f"backends: kind kubernetes needs a package; {fix}"]) from error
    return Api(settings, deadline)
