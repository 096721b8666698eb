"""Faults that no single key shows: names that nothing defines, missing addresses."""

from collections.abc import Iterator, Sequence

from featurewatch_kit.config.alert_checks import (
    PLACEHOLDERS,
    RULE_LABELS,
    check_alerts,
    check_message,
)
from featurewatch_kit.config.alerts import as_list
from featurewatch_kit.config.model import Config, Level, Recipient, SeverityTiming, Timing
from featurewatch_kit.config.scrape import check_jobs
from featurewatch_kit.config.time_interval_checks import check_time_intervals
from featurewatch_kit.config.watchdog_checks import check_watchdog
from featurewatch_receiver.checks import (
    check_abilities,
    check_actions,
    check_database,
    check_responses,
    check_targets,
    check_verification,
)
from featurewatch_receiver.config.file import Problem
from featurewatch_receiver.config.values import seconds

# The field of a recipient that holds the address for a channel.
ADDRESS = {"email": "email", "slack": "slack", "pagerduty": "pagerduty_routing_key_file"}
DEFAULT_POLICY = "default"
# Prometheus's default --query.lookback-delta.
LOOKBACK_SECONDS = 300
# How many evaluations after its members a correlation mutes them at the latest, by rules.engine.
_EVALUATIONS_UNTIL_MUTED = {"prometheus": ("three", 3), "vmalert": ("five", 5)}
# How far rules/checks.libsonnet looks back at least, in evaluation intervals.
READINGS_PER_CHECK = 4
# Labels that the rules set, or use for something else, or sum away.
NO_IDENTITY = RULE_LABELS | {
    *("category", "type", "scope", "window", "held"),
    *("alert", "resource", "correlation", "bound"),
    *("le", "result", "instance", "job", "action", "outcome"),
}


def check_references(config: Config) -> Iterator[Problem]:
    """Every fault between sections."""
    yield from _identity(config)
    yield from check_alerts(config)
    yield from _policies(config)
    yield from _members(config)
    yield from _levels(config)
    yield from _overtaken(config)
    yield from _slack_without_channel(config)
    yield from _mail_login(config)
    yield from _client_tls(config)
    yield from _timing(config)
    yield from _clock(config)
    yield from _maintenance(config)
    yield from check_watchdog(config)
    yield from _correlation_messages(config)
    yield from check_time_intervals(config.routing.time_intervals)
    yield from check_database(config.receiver.database)
    yield from check_targets(config.targets, config.backends)
    yield from check_actions(config.responses)
    yield from check_abilities(config.responses, config.targets, config.backends)
    interval = seconds(config.alerting.evaluation_interval)
    if interval < LOOKBACK_SECONDS:  # else that is the fault
        yield from check_verification(config.responses, READINGS_PER_CHECK * interval)
    yield from _responses(config)
    jobs = {"job": config.metrics.job, "receiver_job": config.metrics.receiver_job}
    yield from check_jobs(config.scrape, jobs)


def _responses(config: Config) -> Iterator[Problem]:
    known = config.responses.actions.names()
    for name, alert in config.alerts.items():
        yield from check_responses(("alerts", name, "response"), as_list(alert.response), known)
    for name, rule in config.correlation.rules.items():
        path = ("correlation", "rules", name, "response")
        yield from check_responses(path, as_list(rule.response), known)


def _identity(config: Config) -> Iterator[Problem]:
    identity = config.metrics.identity
    if "extractor" not in identity:
        message = "lacks extractor, which thresholds and targets are looked up by; add it"
        yield Problem(path=("metrics", "identity"), message=message)
    for index, label in enumerate(identity):
        path = ("metrics", "identity", index)
        if label in NO_IDENTITY or label.startswith("__"):
            message = f"{label} is set or removed by the rules; name labels of the metrics only"
            yield Problem(path=path, message=message)
        if label in identity[:index]:
            yield Problem(path=path, message=f"{label} is named twice; keep one of the two")


def _policies(config: Config) -> Iterator[Problem]:
    policies = sorted(config.escalation.policies)
    if DEFAULT_POLICY not in policies:
        message = f"lacks the policy {DEFAULT_POLICY!r} for what has no policy; define it"
        yield Problem(path=("escalation", "policies"), message=message)
    for name, alert in config.alerts.items():
        if alert.escalation not in policies:
            message = (
                f"no policy is named {alert.escalation!r}; write one of: {', '.join(policies)}"
            )
            yield Problem(path=("alerts", name, "escalation"), message=message)


def _members(config: Config) -> Iterator[Problem]:
    alerts = dict(config.alerts.items())
    for name, rule in config.correlation.rules.items():
        path = ("correlation", "rules", name, "members")
        for index, member in enumerate(rule.members):
            if member not in alerts:
                message = f"no alert is named {member!r}; write one of: {', '.join(alerts)}"
                yield Problem(path=(*path, index), message=message)
            elif member in PLACEHOLDERS:
                message = f"{member} is not about one extractor; name alerts that are"
                yield Problem(path=(*path, index), message=message)
        categories = {alerts[m].labels.category for m in rule.members if m in alerts}
        if len(categories) < 2:  # noqa: PLR2004  # a correlation is of at least two things
            message = f"all are of category {', '.join(categories)}; name alerts of two or more"
            yield Problem(path=path, message=message)


def _levels(config: Config) -> Iterator[Problem]:
    for policy_name, policy in config.escalation.policies.items():
        for index, level in enumerate(policy.levels):
            path = ("escalation", "policies", policy_name, "levels", index)
            if index == 0 and seconds(level.delay or "0s") > 0:
                message = "the first level can't wait; write 'delay: 0s' and use the alert's 'for'"
                yield Problem(path=(*path, "delay"), message=message)
            yield from _recipients(config, level, path)


def _overtaken(config: Config) -> Iterator[Problem]:
    """A level that the next one mutes before its group_wait is over is never told."""
    if not config.escalation.enabled:
        return
    for name, policy in config.escalation.policies.items():
        for index, level in enumerate(policy.levels[1:], start=1):
            wait = _longest_wait(config, name, index + 1)
            if seconds(level.delay or config.escalation.default_delay) <= wait:
                path = ("escalation", "policies", name, "levels", index, "delay")
                message = (
                    f"is not longer than group_wait ({wait}s), so the level before it would"
                    " never be told; write more"
                )
                yield Problem(path=path, message=message)


def _longest_wait(config: Config, policy: str, level: int) -> int:
    """Seconds that alerts which reach this level of the policy wait; without any, people's."""
    severities = {
        alert.severity
        for _, alert in config.alerts.items()
        if alert.enabled and alert.escalation == policy
        if alert.escalation_required and alert.max_escalation_levels >= level
    }
    people = config.routing.people.group_wait
    paces = [config.routing.severities.get(severity) for severity in severities]
    waits = [(pace and pace.group_wait) or people for pace in paces]
    return max(map(seconds, waits or [people]))


def _recipients(config: Config, level: Level, path: tuple[str | int, ...]) -> Iterator[Problem]:
    for index, name in enumerate(level.recipients):
        here = (*path, "recipients", index)
        recipient = config.recipients.get(name)
        if recipient is None:
            known = ", ".join(sorted(config.recipients)) or "none yet"
            message = f"no recipient is named {name!r}; write one of: {known}"
            yield Problem(path=here, message=message)
        else:
            used = [channel for channel in level.channels if _is_sent(config, channel)]
            yield from _addresses(name, recipient, used, here)


def _is_sent(config: Config, channel: str) -> bool:
    """Whether it needs an address, and is switched on at all."""
    return channel in ADDRESS and getattr(config.channels, channel).enabled


def _addresses(
    name: str, recipient: Recipient, channels: Sequence[str], path: tuple[str | int, ...]
) -> Iterator[Problem]:
    for channel in channels:
        if not getattr(recipient, ADDRESS[channel]):
            message = (
                f"{name} has no address for {channel}, which this level uses; write"
                f" recipients.{name}.{ADDRESS[channel]}"
            )
            yield Problem(path=path, message=message)


def _slack_without_channel(config: Config) -> Iterator[Problem]:
    for name, recipient in config.recipients.items():
        for key in ("slack_mention", "slack_api_url_file"):
            if getattr(recipient, key) and not recipient.slack:
                message = f"has no effect without a channel; write recipients.{name}.slack as well"
                yield Problem(path=("recipients", name, key), message=message)


def _mail_login(config: Config) -> Iterator[Problem]:
    email = config.channels.email
    if (email.username is None) != (email.password_file is None):
        missing = "password_file" if email.password_file is None else "username"
        message = f"is missing beside its partner; write {missing}, or null for both"
        yield Problem(path=("channels", "email", missing), message=message)


def _client_tls(config: Config) -> Iterator[Problem]:
    path = ("receiver", "client_tls")
    tls = config.receiver.client_tls
    if tls is None:
        return
    if not config.receiver.url.startswith("https:"):
        yield Problem(path=path, message="has no effect without TLS; write receiver.url as https")
    if (tls.cert_file is None) != (tls.key_file is None):
        missing = "cert_file" if tls.cert_file is None else "key_file"
        message = f"is missing beside its partner; write {missing}, or null for both"
        yield Problem(path=(*path, missing), message=message)


def _timing(config: Config) -> Iterator[Problem]:
    yield from _pace(("routing", "receiver"), config.routing.receiver, SeverityTiming())
    yield from _pace(("routing", "people"), config.routing.people, SeverityTiming())
    yield from _wait(config, ("routing", "people"), config.routing.people.group_wait)
    for severity, own in config.routing.severities.items():
        path = ("routing", "severities", severity)
        yield from _pace(path, config.routing.people, own)
        yield from _wait(config, path, own.group_wait)
        yield from _mute(config, path, own)


def _pace(path: tuple[str, ...], timing: Timing, own: SeverityTiming) -> Iterator[Problem]:
    group = own.group_interval or timing.group_interval
    repeat = own.repeat_interval or timing.repeat_interval
    if seconds(repeat) < seconds(group):
        message = (
            "is less than group_interval, below which Alertmanager does not repeat; write"
            f" {group} or more"
        )
        yield Problem(path=(*path, "repeat_interval"), message=message)


def _wait(config: Config, path: tuple[str, ...], wait: str | None) -> Iterator[Problem]:
    """Members of a correlation must wait until it can mute them.

    It is evaluated after them, and right after its start Prometheus answers queries for ALERTS
    two evaluations late (seen with 2.42). With vmalert a correlation fires three evaluations after
    its members; two more are to spare.
    """
    word, evaluations = _EVALUATIONS_UNTIL_MUTED[config.rules.engine]
    needed = evaluations * seconds(config.alerting.evaluation_interval)
    if wait is not None and config.correlation.enabled and seconds(wait) < needed:
        message = (
            f"is less than {word} evaluation intervals, so people hear of a correlation's members"
            f" before it mutes them; write {needed}s or more, or switch off correlation"
        )
        yield Problem(path=(*path, "group_wait"), message=message)


def _mute(config: Config, path: tuple[str, ...], own: SeverityTiming) -> Iterator[Problem]:
    known = ", ".join(sorted(config.routing.time_intervals)) or "none yet"
    for index, name in enumerate(own.mute_time_intervals or []):
        if name not in config.routing.time_intervals:
            message = f"no time interval is named {name!r}; write one of: {known}"
            yield Problem(path=(*path, "mute_time_intervals", index), message=message)


def _clock(config: Config) -> Iterator[Problem]:
    """The former value of a series is found for five minutes, Prometheus's lookback."""
    if seconds(config.alerting.evaluation_interval) >= LOOKBACK_SECONDS:
        message = "is too long for escalation, whose clock is looked up for 5m; write 4m or less"
        yield Problem(path=("alerting", "evaluation_interval"), message=message)


def _maintenance(config: Config) -> Iterator[Problem]:
    for index, window in enumerate(config.maintenance):
        path = ("maintenance", index)
        if window.to <= window.from_:
            yield Problem(path=(*path, "to"), message="is not after from; write a later time")
        if window.name in [other.name for other in config.maintenance[:index]]:
            message = f"{window.name} is the name of another window; write one of its own"
            yield Problem(path=(*path, "name"), message=message)


def _correlation_messages(config: Config) -> Iterator[Problem]:
    for name, rule in config.correlation.rules.items():
        path = ("correlation", "rules", name, "message")
        yield from check_message(path, rule.message, ["extractor", "window"])
