"""History beside what Alertmanager and Prometheus say, and its repair."""
