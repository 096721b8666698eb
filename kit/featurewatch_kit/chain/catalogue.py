"""The alerts of our configuration, from whose names their labels and levels follow."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from featurewatch_kit.alertmanager.labels import Labels
from featurewatch_kit.config.model import Config, Policy
from featurewatch_kit.errors import ArgumentError
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.labels import ALERTNAME, EXTRACTOR, LEVEL, POLICY

#: The extractor of an alert that names none.
SOME_EXTRACTOR = "feature_extractor"


@dataclass(frozen=True)
class Catalogue:
    """Every alert that the rules can raise, as the labels that they give it."""

    forms: Sequence[Labels]
    identities: Mapping[str, Sequence[str]]
    #: By policy: seconds from the beginning of the trouble to each level.
    delays: Mapping[str, Sequence[float]]

    def levels(self, name: str, given: Labels) -> list[tuple[dict[str, str], float]]:
        """Labels of each level of an alert, and when it begins to fire; of one, if it is given.

        Raises:
            ArgumentError: there is no such alert, or several differ in what is not given.

        """
        alike = [form for form in self.forms if form[ALERTNAME] == name]
        if not alike:
            raise ArgumentError(self._unknown(name))
        chosen = [form for form in alike if _fits(form, given)]
        if not chosen:
            raise ArgumentError(f"{name} has no such form; it has {_values(alike, given)}")
        if len({_without_level(form) for form in chosen}) > 1:
            differ = [label for label in _names(chosen) if len(_all(chosen, label)) > 1]
            raise ArgumentError(f"{name} has several forms; say which: {_values(chosen, differ)}")
        return [
            ({**self._about(name), **form, **given}, 0.0 if LEVEL in given else self._delay(form))
            for form in chosen
        ]

    def alerts(self) -> list[dict[str, str]]:
        """Labels of every alert, as of some extractor."""
        return [{**self._about(form[ALERTNAME]), **form} for form in self.forms]

    def _about(self, name: str) -> dict[str, str]:
        return {EXTRACTOR: SOME_EXTRACTOR} if EXTRACTOR in self.identities.get(name, ()) else {}

    def _delay(self, form: Labels) -> float:
        delays = self.delays.get(form.get(POLICY, ""), ())
        level = int(form.get(LEVEL, "1"))
        return delays[level - 1] if level <= len(delays) else 0.0

    def _unknown(self, name: str) -> str:
        close = difflib.get_close_matches(name, {form[ALERTNAME] for form in self.forms}, n=1)
        fix = f"write {close[0]}" if close else "write one of docs/runbook.md"
        return (
            f"{name} is none of this configuration's alerts that are on; {fix}, or alertname and"
            " every other label under labels"
        )


def _fits(form: Labels, given: Labels) -> bool:
    return all(form.get(name, value) == value for name, value in given.items())


def _without_level(form: Labels) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(pair for pair in form.items() if pair[0] != LEVEL))


def _names(forms: Sequence[Labels]) -> list[str]:
    return sorted({name for form in forms for name in form} - {ALERTNAME, LEVEL})


def _all(forms: Sequence[Labels], name: str) -> list[str]:
    return sorted({form.get(name, "") for form in forms})


def _values(forms: Sequence[Labels], names: Iterable[str]) -> str:
    """What these labels can be: `severity high or critical`."""
    return ", ".join(
        f"{name} {' or '.join(_all(forms, name))}" for name in names if name != ALERTNAME
    )


def read_catalogue(config: Config, mixin: Mapping[str, Any]) -> Catalogue:
    """Read what the jsonnet sources gave."""
    return Catalogue(
        forms=[
            {ALERTNAME: rule["alert"], **rule.get("labels", {})}
            for part in ("rules", "alerts")
            for group in mixin[part]["groups"]
            for rule in group["rules"]
            if "alert" in rule
        ],
        identities=mixin["identities"],
        delays={
            name: _delays(policy, config.escalation.default_delay)
            for name, policy in config.escalation.policies.items()
        },
    )


def _delays(policy: Policy, default: str) -> list[float]:
    found, total = [], 0
    for number, level in enumerate(policy.levels):
        total += seconds(level.delay or (default if number else "0s"))
        found.append(float(total))
    return found
