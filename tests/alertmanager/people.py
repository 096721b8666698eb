"""An Alertmanager with the policies of config.yaml, and what each person heard."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import requests
from e2e.expected import (
    MANAGER,
    MANAGER_SLACK,
    ON_CALL,
    ON_CALL_SLACK,
    TEAM,
    TEAM_SLACK,
)
from e2e.journal import Journal
from waiting import ANSWER_SECONDS

from alertmanager.chain import Chain, an_alert

# PagerDuty's integration keys of the chain.
ON_CALL_PAGER = ("pagerduty", "1" * 32)
MANAGER_PAGER = ("pagerduty", "2" * 32)

SETTINGS = {
    "alerting": {"evaluation_interval": "1s"},
    "routing": {
        "people": {"group_wait": "3s", "group_interval": "1s", "repeat_interval": "1h"},
        "severities": {"critical": {"group_interval": "1s"}},
    },
    "metrics": {"identity": ["extractor"]},
    "alerts": {},
    "correlation": {},
    "escalation": {},
}
#: Whom each level of a policy tells.
LEVELS = {
    ("latency_violation", 1): {TEAM},
    ("latency_violation", 2): {TEAM, TEAM_SLACK, ON_CALL, ON_CALL_SLACK},
    ("latency_violation", 3): {
        ON_CALL,
        ON_CALL_SLACK,
        ON_CALL_PAGER,
        MANAGER,
        MANAGER_SLACK,
        MANAGER_PAGER,
    },
    ("resource_critical", 1): {ON_CALL, ON_CALL_SLACK},
    ("resource_critical", 2): {
        ON_CALL,
        ON_CALL_SLACK,
        ON_CALL_PAGER,
        MANAGER,
        MANAGER_SLACK,
        MANAGER_PAGER,
    },
    ("error_rate_spike", 1): {TEAM},
    ("error_rate_spike", 2): {TEAM, TEAM_SLACK, ON_CALL, ON_CALL_SLACK},
    ("default", 1): {TEAM},
}


class People(Chain):
    """The chain, with a journal of all that people heard."""

    def __init__(self, root, folder, exit_stack):
        self.journal = Journal()
        self._probes = 0
        super().__init__(root, folder, exit_stack, SETTINGS, self.journal.add)

    def began(self, extractor):
        """How often each address heard of each level of each alert."""
        heard = self.journal.firing(extractor)
        return Counter((n.address, n.alert, n.level) for n in heard)

    def ended(self, extractor):
        """How often each address heard of an end, and of which level."""
        heard = self.journal.people(extractor)
        return Counter((n.address, n.alert, n.level) for n in heard if not n.firing)

    def begins(self, *alerts):
        """Send alerts, and wait until everyone whom the last one tells has heard of it."""
        self.send(*alerts)
        labels = alerts[-1]["labels"]
        level = labels["escalation_level"]
        whom = LEVELS[labels["escalation_policy"], int(level)]
        wanted = {(address, labels["alertname"], level) for address in whom}
        self.wait_until(
            f"all hear of level {level} of {labels['alertname']}",
            lambda: wanted <= self.began(labels["extractor"]).keys(),
        )

    def settle(self, *alerts):
        """Send alerts, and let everything be told that is to be.

        What Alertmanager has waits no longer than an alert that comes after it.
        """
        if alerts:
            self.send(*alerts)
        self._probes += 1
        self.begins(
            an_alert(
                "Probe",
                extractor=f"probe-{self._probes}",
                escalation_policy="default",
                escalation_level="1",
            )
        )

    def silence(self, **labels):
        """Silence alerts with these labels for an hour."""
        now = datetime.now(UTC)
        answer = requests.post(
            f"{self.url}/api/v2/silences",
            json={
                "matchers": [
                    {"name": name, "value": value, "isRegex": False}
                    for name, value in labels.items()
                ],
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(hours=1)).isoformat(),
                "createdBy": "test",
                "comment": "held back",
            },
            timeout=ANSWER_SECONDS,
        )
        answer.raise_for_status()

    def fires(self, extractor):
        """Whether Alertmanager knows of an alert of this extractor that fires."""
        answer = requests.get(
            f"{self.url}/api/v2/alerts",
            params={"filter": f'extractor="{extractor}"'},
            timeout=ANSWER_SECONDS,
        )
        return bool(answer.json())
