"""What the automation does about one alert, by this configuration, in words."""

from featurewatch_receiver.config.receiver import ActionName, ReceiverConfig

#: What an action of this mode does, when the guards let it.
_WORDS = {
    "auto": "{action} runs by itself",
    "approve": "{action} waits for somebody's approval",
    "dry-run": "{action} is planned and touches nothing",
    "off": "{action} is off",
}


def automation(config: ReceiverConfig, alertname: str, extractor: str | None) -> str:
    """One sentence: the alert's responses in their order, or why nothing is done."""
    decided = config.alerts.get(alertname)
    actions = decided.responses if decided else []
    if not actions:
        return "Nothing: this alert has no response."
    if not config.responses.enabled:
        return "Nothing: automated responses are switched off (responses.enabled)."
    if extractor not in config.targets:
        return f"Nothing: {extractor or 'it'} is not among the targets, so nothing may be touched."
    words = [_one(config, action) for action in actions]
    return "; if that does not help, ".join(words) + "."


def _one(config: ReceiverConfig, action: ActionName) -> str:
    mode = "dry-run" if config.responses.dry_run else config.responses.actions.get(action).mode
    return _WORDS[mode].format(action=action)
