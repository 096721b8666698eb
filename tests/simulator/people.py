"""Who is told of which level of an alert, as the configuration has it."""

from collections.abc import Iterator
from dataclasses import dataclass

from featurewatch_kit.config.model import Config

LOUD = ("slack", "pagerduty")


@dataclass(frozen=True)
class Told:
    """A level that begins: who is told by what."""

    channels: frozenset[str]
    recipients: frozenset[str]


class People:
    """Looks up levels of escalation policies."""

    def __init__(self, config: Config) -> None:
        self._policies = {
            name: [
                Told(frozenset(_enabled(config, level.channels)), frozenset(level.recipients))
                for level in policy.levels
            ]
            for name, policy in config.escalation.policies.items()
        }
        self.on_call = self._on_call()

    def _levels(self) -> Iterator[tuple[int, Told]]:
        for levels in self._policies.values():
            yield from enumerate(levels)

    def _on_call(self) -> frozenset[str]:
        """Whom any policy pages, or without pagers whomever later levels tell."""
        paged = [told.recipients for _, told in self._levels() if "pagerduty" in told.channels]
        later = [told.recipients for number, told in self._levels() if number]
        return frozenset().union(*(paged or later))

    def told(self, policy: str, level: str) -> Told:
        """Of one level of a policy."""
        return self._policies[policy][int(level) - 1]

    def pages(self, policy: str, level: str) -> bool:
        """Whether it reaches somebody on call in Slack or PagerDuty."""
        told = self.told(policy, level)
        return bool(told.channels & set(LOUD)) and bool(told.recipients & self.on_call)

    def channel(self, policy: str, level: str) -> str:
        """The loudest channel of a page."""
        return "pagerduty" if "pagerduty" in self.told(policy, level).channels else "slack"


def _enabled(config: Config, channels: list[str]) -> list[str]:
    return [channel for channel in channels if getattr(config.channels, channel).enabled]
