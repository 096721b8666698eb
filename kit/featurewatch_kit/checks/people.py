"""Every alert ends at the people whom its policy names, and at the receiver; signals only there."""

from collections.abc import Iterator
from typing import Any

from featurewatch_kit.checks.finding import Finding, listed
from featurewatch_kit.checks.tree import SIGNALS, Alert, Tree
from featurewatch_kit.config.checks import ADDRESS
from featurewatch_kit.config.model import Config, Level
from featurewatch_kit.generate import ALERTMANAGER
from featurewatch_receiver.labels import TOLD

Address = tuple[str, str]
# Where a receiver of Alertmanager holds the address for a channel.
WAYS = {
    "email": ("email_configs", "to"),
    "slack": ("slack_configs", "channel"),
    "pagerduty": ("pagerduty_configs", "routing_key_file"),
}


def check_people(config: Config, tree: Tree) -> Iterator[Finding]:
    """One finding per level that reaches nobody, and per alert that misses someone."""
    yield from _levels(config)
    reached = _reached(tree)
    if config.channels.dashboard.enabled or config.responses.enabled:
        yield from _receiver(reached, tree)
    for alert, (addresses, receivers) in reached.items():
        if alert.name in SIGNALS:
            yield from _signal(alert, addresses)
        else:
            yield from _people(alert, addresses, receivers, config)


def _levels(config: Config) -> Iterator[Finding]:
    for policy, escalation in config.escalation.policies.items():
        for number, level in enumerate(escalation.levels, start=1):
            if not expected(config, level):
                channels = ", ".join(level.channels)
                yield Finding(
                    f"escalation.policies.{policy}.levels",
                    f"level {number} reaches nobody over {channels}; add a channel that is"
                    " switched on (email, slack, pagerduty), or switch one on under channels",
                )


def expected(config: Config, level: Level) -> set[Address]:
    """Every address that a level is to reach."""
    return {
        (channel, getattr(config.recipients[name], ADDRESS[channel]))
        for name in level.recipients
        for channel in level.channels
        if channel in ADDRESS and getattr(config.channels, channel).enabled
    }


def _reached(tree: Tree) -> dict[Alert, tuple[set[Address], list[str]]]:
    """Addresses that all label sets of an alert reach, and the receivers they end at."""
    found: dict[Alert, tuple[set[Address], list[str]]] = {}
    receivers = {receiver["name"]: receiver for receiver in tree.alertmanager["receivers"]}
    for instance in tree.instances:
        if TOLD in instance.labels:
            # Some had been told before, by another alert.
            continue
        names = [route.receiver for route in tree.root.ends(instance.labels)]
        addresses = {a for name in names for a in _addresses(receivers.get(name, {}))}
        known, before = found.get(instance.alert, (addresses, []))
        found[instance.alert] = (known & addresses, [*before, *names])
    return found


def _addresses(receiver: dict[str, Any]) -> Iterator[Address]:
    for channel, (ways, key) in WAYS.items():
        for way in receiver.get(ways, []):
            yield channel, way[key]


def _receiver(
    reached: dict[Alert, tuple[set[Address], list[str]]], tree: Tree
) -> Iterator[Finding]:
    webhooks = {r["name"] for r in tree.alertmanager["receivers"] if r.get("webhook_configs")}
    lost = [str(alert) for alert, (_, ends) in reached.items() if not webhooks.intersection(ends)]
    if lost:
        yield Finding(
            ALERTMANAGER,
            f"{listed(lost)} does not end at the receiver, which then neither records nor"
            " remediates it; add a route to the receiver with the webhook before those of the"
            " people, with `continue: true` except for signals",
        )


def _people(
    alert: Alert, addresses: set[Address], receivers: list[str], config: Config
) -> Iterator[Finding]:
    level = _level(alert, config)
    missed = (expected(config, level) if level else set()) - addresses
    if level is None and not addresses:
        yield Finding(
            ALERTMANAGER,
            f"{alert} ends at {listed(receivers)}, which tells nobody; route it to a receiver"
            " with an address",
        )
    elif missed:
        who = listed([f"{address} by {channel}" for channel, address in sorted(missed)])
        policy = alert.labels["escalation_policy"]
        yield Finding(
            ALERTMANAGER,
            f"{alert} does not reach {who}, whom the policy {policy} names: it ends at"
            f" {listed(receivers)}; add the route of this level and that address to its receiver",
        )


def _level(alert: Alert, config: Config) -> Level | None:
    """The level of its policy that the alert speaks for, if it has one."""
    policy = config.escalation.policies.get(alert.labels.get("escalation_policy", ""))
    number = int(alert.labels.get("escalation_level", "0"))
    return policy.levels[number - 1] if policy and 0 < number <= len(policy.levels) else None


def _signal(alert: Alert, addresses: set[Address]) -> Iterator[Finding]:
    if addresses:
        told = listed([address for _, address in sorted(addresses)])
        yield Finding(
            ALERTMANAGER,
            f"{alert} is a signal for the receiver and tells {told}; give it a route of its own"
            " that ends at the receiver, before those of the people",
        )
