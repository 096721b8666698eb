"""Who is behind each integration of a receiver: a person of the configuration, or its name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from featurewatch_kit.alertmanager.configuration import Configuration
from featurewatch_kit.checks.people import WAYS
from featurewatch_kit.config.checks import ADDRESS
from featurewatch_kit.config.model import Config


@dataclass(frozen=True)
class People:
    """Names by receiver and integration; the persons among all that can be told."""

    ways: Mapping[tuple[str, str], tuple[str, ...]]
    #: Whom a test must name when they are told; a receiver that is a program is none.
    persons: frozenset[str]
    #: Every name that a test can use.
    names: frozenset[str]

    def behind(self, receiver: str, integration: str) -> tuple[str, ...]:
        """Who reads what this integration is sent."""
        return self.ways[(receiver, integration)]


def of_receivers(configuration: Configuration) -> People:
    """Those of any alertmanager.yml: its receivers are the people."""
    ways = {
        (receiver, way.name): (receiver,)
        for receiver, ways in configuration.receivers.items()
        for way in ways
    }
    names = frozenset(configuration.receivers)
    return People(ways, names, names)


def of_recipients(config: Config, tree: Mapping[str, Any]) -> People:
    """Those of our configuration: its recipients, by their addresses in the generated tree."""
    ways = dict(_ways(config, tree))
    named = {name for names in ways.values() for name in names}
    return People(ways, frozenset(config.recipients), frozenset(config.recipients) | named)


def _ways(
    config: Config, tree: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    for receiver in tree["receivers"]:
        name = receiver["name"]
        for channel, (key, address) in WAYS.items():
            for number, way in enumerate(receiver.get(key, [])):
                yield (name, f"{channel}[{number}]"), _at(config, channel, way[address])
        for number, _ in enumerate(receiver.get("webhook_configs", [])):
            yield (name, f"webhook[{number}]"), (name,)


def _at(config: Config, channel: str, address: str) -> tuple[str, ...]:
    return tuple(
        name
        for name, recipient in config.recipients.items()
        if getattr(recipient, ADDRESS[channel]) == address
    )
