"""The dead man's switch, and the ways to tell people without Alertmanager."""
