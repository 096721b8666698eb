"""Jobs that are made from CronJobs, and how they are getting on."""

import json
from typing import Any

from featurewatch_receiver.backends.base import Training
from featurewatch_receiver.backends.kubernetes.answers import CronJobAnswer, JobAnswer

#: Annotation of a training run's pod: what it was started for, as a JSON object of texts.
FACTS = "featurewatch/facts"
#: How long at least a run that is over can be looked at.
KEPT_SECONDS = 3600
_LONGEST_FACT = 1000
_TTL = "ttlSecondsAfterFinished"


def job_of(cron: CronJobAnswer, run_id: str, facts: dict[str, str]) -> dict[str, Any]:
    """The Job that `kubectl create job --from` makes, with the facts at its pod.

    It is kept until it was looked at: from a CronJob that keeps none of its own.
    """
    template = cron.spec.job_template
    metadata = template.get("metadata", {})
    annotations = metadata.get("annotations", {}) | {"cronjob.kubernetes.io/instantiate": "manual"}
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": cron.metadata.name,
        "uid": cron.metadata.uid,
        # What it controls a CronJob deletes as its history limits say.
        "controller": cron.spec.keeps_jobs,
        "blockOwnerDeletion": False,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": run_id,
            "labels": metadata.get("labels", {}),
            "annotations": annotations,
            "ownerReferences": [owner],
        },
        "spec": _with_facts(template["spec"], facts) | _kept(cron),
    }


def training_of(job: JobAnswer) -> Training:
    """State of the run, in the controller's words."""
    state, detail = job.outcome
    return Training(run_id=job.metadata.name, state=state, detail=detail)


def _kept(cron: CronJobAnswer) -> dict[str, int]:
    ttl = cron.spec.job_template["spec"].get(_TTL)
    if ttl is None:
        return {} if cron.spec.keeps_jobs else {_TTL: KEPT_SECONDS}
    return {_TTL: max(ttl, KEPT_SECONDS)}


def _with_facts(spec: dict[str, Any], facts: dict[str, str]) -> dict[str, Any]:
    told = json.dumps({key: value[:_LONGEST_FACT] for key, value in facts.items()}, sort_keys=True)
    metadata = spec["template"].get("metadata", {})
    metadata = metadata | {"annotations": metadata.get("annotations", {}) | {FACTS: told}}
    return spec | {"template": spec["template"] | {"metadata": metadata}}
