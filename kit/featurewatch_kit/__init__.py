"""The `featurewatch` command: from one configuration file to the whole alerting chain."""
