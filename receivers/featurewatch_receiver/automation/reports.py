"""Tells logs and metrics what became of a remediation, once that has been committed."""

from featurewatch_receiver import logs
from featurewatch_receiver.automation.remediations import (
    ARRIVED,
    FAILURES,
    OPEN,
    Decision,
    Remediation,
    State,
    Step,
)
from featurewatch_receiver.core import Core

#: In place of an extractor that is not listed, whose name anybody can make up.
NO_TARGET = ""
#: The ends whose duration is that of an action; a plan that was dropped or skipped only waited.
WORKED = (*ARRIVED, *FAILURES)


def report_decision(core: Core, decision: Decision) -> None:
    """Tell of a decision."""
    if decision.skip:
        target = decision.target or NO_TARGET
        core.metrics.remediations.labels(decision.action, target, State.SKIPPED).inc()
        core.metrics.skips.labels(decision.action, decision.skip).inc()
    logs.event(
        "remediation",
        episode=decision.episode_id,
        id=decision.id,
        alertname=decision.alertname,
        action=decision.action,
        target=decision.target,
        state=decision.state,
        reason=decision.skip,
        actor=decision.actor,
    )


def report_step(core: Core, row: Remediation, step: Step) -> None:
    """Tell of a change of state."""
    metrics = core.metrics
    if step.state not in OPEN:
        metrics.remediations.labels(row.action, row.target or NO_TARGET, step.state).inc()
    if step.state in WORKED and row.started_at:
        metrics.duration.labels(row.action).observe((step.at - row.started_at).total_seconds())
    if step.state is State.SKIPPED:
        metrics.skips.labels(row.action, step.reason).inc()
    logs.event(
        "remediation",
        episode=row.episode_id,
        id=row.id,
        alertname=row.alertname,
        action=row.action,
        target=row.target,
        state=step.state,
        reason=step.reason,
        detail=step.detail,
        actor=step.actor,
    )
