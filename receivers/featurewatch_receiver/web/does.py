"""What people do: each needs a reason, and is stored under their name."""

from datetime import timedelta
from typing import Any

from featurewatch_receiver.automation.switches import Switch
from featurewatch_receiver.config.values import seconds
from featurewatch_receiver.people import acts, wishes
from featurewatch_receiver.people.acts import Made, Said
from featurewatch_receiver.web.calls import Asked
from featurewatch_receiver.web.reads import get_episode, get_remediation, remediation

Json = dict[str, Any]


def acknowledge(asked: Asked) -> Made:
    """Stop the escalation of an episode."""
    episode_id = asked.path["episode_id"]
    return acts.acknowledge(asked.core, episode_id, _said(asked), _duration(asked))


def unacknowledge(asked: Asked) -> Json:
    """Let an episode escalate again."""
    acts.unacknowledge(asked.core, asked.path["episode_id"], _said(asked))
    return get_episode(asked)


def resolve(asked: Asked) -> Json:
    """Say that an episode is done."""
    episode_id = asked.path["episode_id"]
    acts.resolve_episode(asked.core, episode_id, _said(asked), _duration(asked))
    return get_episode(asked)


def silence(asked: Asked) -> Made:
    """Tell nobody of an episode any more."""
    return acts.silence(asked.core, asked.path["episode_id"], _said(asked), _duration(asked))


def unsilence(asked: Asked) -> Json:
    """Tell people of an episode again."""
    acts.unsilence(asked.core, asked.path["episode_id"], _said(asked))
    return get_episode(asked)


def run(asked: Asked) -> Json:
    """Run an action by hand."""
    wish = wishes.Wish(**asked.body.model_dump(exclude={"reason", "key"}))
    key = asked.body.key
    return remediation(asked, wishes.run(asked.core, asked.queue, wish, _said(asked), key))


def approve(asked: Asked) -> Json:
    """Let a plan run."""
    wishes.approve(asked.core, asked.queue, asked.path["remediation_id"], _said(asked))
    return get_remediation(asked)


def deny(asked: Asked) -> Json:
    """Drop a plan."""
    wishes.deny(asked.core, asked.path["remediation_id"], _said(asked))
    return get_remediation(asked)


def cancel(asked: Asked) -> Json:
    """Stop a remediation."""
    wishes.cancel(asked.core, asked.path["remediation_id"], _said(asked))
    return get_remediation(asked)


def end_lease(asked: Asked) -> Json:
    """Keep a change for good."""
    return acts.end_lease(asked.core, asked.path["lease_id"], _said(asked))


def engage_kill_switch(asked: Asked) -> Switch:
    """Let no action begin any more."""
    return acts.turn_kill_switch(asked.core, _said(asked), engaged=True)


def release_kill_switch(asked: Asked) -> Switch:
    """Let actions begin again."""
    return acts.turn_kill_switch(asked.core, _said(asked), engaged=False)


def _said(asked: Asked) -> Said:
    return Said(user=asked.person.name, reason=asked.body.reason)


def _duration(asked: Asked) -> timedelta:
    return timedelta(seconds=seconds(asked.body.duration))
