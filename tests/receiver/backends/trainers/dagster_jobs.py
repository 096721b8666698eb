"""The code location of Dagster's process, in an environment of its own."""

from dagster import Config, Definitions, job, op


class Alert(Config):
    """What the run is for."""

    alertname: str = ""
    extractor: str = ""


@op
def train(config: Alert) -> str:
    """Fail as the extractor's name says."""
    if config.extractor == "bad":
        raise RuntimeError("no data")
    return config.alertname


@job
def retrain_features() -> None:
    """Train."""
    train()


defs = Definitions(jobs=[retrain_features])
