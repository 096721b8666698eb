"""The jobs that are generated for services behind a Collector."""

import pytest
import yaml

OVERLAY = """
metrics: {source: SOURCE}
scrape: {kubernetes: {enabled: true}, ray: {targets: ["localhost:8080"]}}
"""


@pytest.fixture
def read(generated):
    """Read a file that is generated for a source."""
    return lambda source, file: yaml.safe_load(
        (generated(OVERLAY.replace("SOURCE", source)) / file).read_text()
    )


@pytest.mark.parametrize("source", ["otel", "featurewatch"])
def test_services_name_their_own_job_and_instance_with_otel_alone(source, read):
    jobs = read(source, "prometheus/generated/scrape_configs.yaml")["scrape_configs"]
    honoured = [job["job_name"] for job in jobs if job.get("honor_labels")]
    services = ["feature-extraction", "feature-extraction-kubernetes"]
    assert honoured == (services if source == "otel" else [])


@pytest.mark.parametrize("source", ["otel", "featurewatch"])
@pytest.mark.parametrize("service", ["extractors", "receiver"])
def test_the_operators_monitor_has_the_same(source, service, read):
    monitor = read(source, f"operator/generated/service-monitor-{service}.yaml")
    (endpoint,) = monitor["spec"]["endpoints"]
    honoured = source == "otel" and service == "extractors"
    assert endpoint.get("honorLabels", False) is honoured
