"""A flow that Prefect's process serves, in an environment of its own."""

import sys

from prefect import flow


@flow
def retrain_features(alertname: str = "", extractor: str = "") -> str:
    """Fail as the extractor's name says."""
    if extractor == "bad":
        raise RuntimeError("no data")
    return alertname


if __name__ == "__main__":
    retrain_features.serve(sys.argv[1])
