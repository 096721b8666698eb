"""Clients of the servers that the receiver asks: Prometheus and Alertmanager."""
