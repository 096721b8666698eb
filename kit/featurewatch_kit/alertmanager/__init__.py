"""Alertmanager on a virtual clock: what it does with alerts, without waiting and without I/O."""
