"""The words that name a state, an end or a reason, wherever they are stored, shown or counted."""

from enum import StrEnum


class State(StrEnum):
    """Where a remediation stands."""

    #: Decided and queued.
    PLANNED = "planned"
    #: Its plan waits for a person.
    AWAITING_APPROVAL = "awaiting_approval"
    #: Its plan is stored and it may have touched the target.
    RUNNING = "running"
    #: The target is as planned; now the alert's values must follow.
    VERIFYING = "verifying"
    #: The alert's values came back.
    EFFECTIVE = "effective"
    #: They did not.
    INEFFECTIVE = "ineffective"
    #: The target is as planned, and there is no alert whose values could follow.
    DONE = "done"
    #: The target is as planned, and nobody could tell whether it helped.
    INCONCLUSIVE = "inconclusive"
    #: The target refused, answered nonsense, or was changed by somebody else.
    FAILED = "failed"
    #: The target was not as planned within the timeout.
    TIMED_OUT = "timed_out"
    #: It may have been carried out, and the target can't tell.
    IN_DOUBT = "in_doubt"
    #: A person stopped it.
    CANCELLED = "cancelled"
    #: It did not touch the target; the reason is a SkipReason.
    SKIPPED = "skipped"


class Sender(StrEnum):
    """Who sent an alert, where that is not Alertmanager, which therefore does not know it."""

    GRAFANA = "grafana"


class Origin(StrEnum):
    """Who wants it."""

    ALERT = "alert"
    PERSON = "person"
    #: The end of a lease.
    LEASE = "lease"


#: They keep the target for themselves.
ACTIVE = (State.PLANNED, State.RUNNING, State.VERIFYING)


OPEN = (*ACTIVE, State.AWAITING_APPROVAL)


#: The ends of those that brought the target to where they wanted it.
ARRIVED = (State.EFFECTIVE, State.INEFFECTIVE, State.INCONCLUSIVE, State.DONE)


FAILURES = (State.FAILED, State.TIMED_OUT, State.IN_DOUBT)


OUTCOMES = tuple(state for state in State if state not in OPEN)


class SkipReason(StrEnum):
    """Why an action does not run; docs/automation.md explains each."""

    # Of the configuration.
    RESPONSES_DISABLED = "responses_disabled"
    ACTION_OFF = "action_off"
    TARGET_NOT_ALLOWED = "target_not_allowed"
    DRY_RUN = "dry_run"
    # Of people.
    KILL_SWITCH = "kill_switch"
    MAINTENANCE = "maintenance"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_EXPIRED = "approval_expired"
    # Of the alert.
    ALERT_RESOLVED = "alert_resolved"
    ALERT_NOT_FIRING = "alert_not_firing"
    SOURCE_UNREACHABLE = "source_unreachable"
    METRICS_TOO_OLD = "metrics_too_old"
    ALREADY_WELL = "already_well"
    CORRELATED = "correlated"
    # Of what ran already.
    TARGET_BUSY = "target_busy"
    COOLDOWN = "cooldown"
    ATTEMPTS_PER_EPISODE = "attempts_per_episode"
    ATTEMPTS_PER_HOUR = "attempts_per_hour"
    ATTEMPTS_PER_DAY = "attempts_per_day"
    STORM = "storm"
    # Of the target.
    AT_BOUND = "at_bound"
    ROLLOUT_UNDER_WAY = "rollout_under_way"
    UNSAFE_ROLLOUT = "unsafe_rollout"
    NOTHING_TO_DO = "nothing_to_do"


class LeaseEnd(StrEnum):
    """Why a lease has ended."""

    #: The target is as it was before.
    REVERTED = "reverted"
    #: Somebody else has changed the target, which is theirs now.
    TARGET_CHANGED = "target_changed"
    #: A person keeps the change.
    CANCELLED = "cancelled"
    #: It could not be taken back.
    FAILED = "failed"
    #: The target or its action is no longer configured.
    FORGOTTEN = "forgotten"


class Status(StrEnum):
    """What is the matter with an episode; of several that hold, the first of this list."""

    RESOLVED = "resolved"
    #: Somebody has taken it: it escalates no further.
    ACKNOWLEDGED = "acknowledged"
    #: A silence mutes all of it.
    SILENCED = "silenced"
    ACTIVE = "active"


class What(StrEnum):
    """What began or ended."""

    ACKNOWLEDGED = "acknowledged"
    #: Acknowledged too, by somebody who says that it is done.
    RESOLVED = "resolved"
    ACKNOWLEDGEMENT_ENDED = "acknowledgement_ended"
    SILENCED = "silenced"
    SILENCE_ENDED = "silence_ended"
    INHIBITED = "inhibited"
    INHIBITION_ENDED = "inhibition_ended"


class Difference(StrEnum):
    """What history and the servers may say otherwise; docs/operations.md explains each."""

    MISSED_FIRING = "missed_firing"
    MISSED_RESOLVED = "missed_resolved"
    MUTED_FIRING = "muted_firing"
    MUTED_RESOLVED = "muted_resolved"
    UNSENT = "unsent"


class Role(StrEnum):
    """What a person may do."""

    #: Reads everything and changes nothing.
    VIEWER = "viewer"
    #: Reads, and acts: acknowledges, approves, runs actions, turns the kill switch.
    RESPONDER = "responder"

    def includes(self, other: "Role") -> bool:
        """Whether whoever has this role may do what needs the other."""
        return self is other or self is Role.RESPONDER
