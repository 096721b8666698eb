"""featurewatch's receiver: takes Alertmanager's webhooks, remembers, and remediates.

`factory.create_app` makes the application.
"""
