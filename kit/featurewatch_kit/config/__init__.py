"""The model of config.yaml, section by section, and the faults that no single key shows."""
