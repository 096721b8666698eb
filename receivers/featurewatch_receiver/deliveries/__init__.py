"""From Alertmanager's payload to episodes: taken in at once, applied afterwards."""
