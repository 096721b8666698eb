"""featurewatch's receiver: takes Alertmanager's webhooks, remembers, and remediates."""
