"""Every name that an instrument can have in Prometheus becomes that of the contract."""

import subprocess

import pytest
import yaml

from featurewatch import names
from featurewatch_kit.generate import RULES
from featurewatch_kit.otel import INSTRUMENTS

OTEL = "metrics: {source: otel}\nresponses: {metrics_max_age: 1m}\n"
LABELS = 'extractor="e", instance="i", job="ml/search", otel_scope_name="features"'
P95 = "extractor:feature_extraction_duration_seconds:p95_5m"
HISTOGRAM = ("", "_bucket", "_sum", "_count")


def parts(instrument):
    return HISTOGRAM if instrument.kind == "histogram" else ("",)


def spellings(instrument, part):
    """Names by how the dot, and the unit and kind, are translated; dots are kept by the last two.

    As Prometheus 3 calls the strategies: UnderscoreEscapingWithSuffixes,
    UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes, NoTranslation.
    """
    contract = instrument.metric.name
    suffix = contract.removeprefix(instrument.name.replace(".", "_"))
    return {
        "suffixes": contract + part,
        "no suffixes": instrument.name.replace(".", "_") + part,
        "dots and suffixes": instrument.name + suffix + part,
        "dots": instrument.name + part,
    }


def series(name, value, labels=LABELS):
    return {"series": f'{{__name__="{name}", {labels}}}', "values": value}


def expectation(name, at, value, labels=LABELS):
    samples = [] if value is None else [{"labels": f"{name}{{{labels}}}", "value": value}]
    return {"expr": name, "eval_time": at, "exp_samples": samples}


@pytest.fixture
def evaluate(generated, promtool):
    """Run promtool on the generated rules and one test; what it says when that fails."""

    def run(overlay, test):
        folder = generated(overlay)
        file = folder / "test.yaml"
        tests = [{"interval": "15s", **test}]
        content = {"rule_files": [RULES], "evaluation_interval": "15s", "tests": tests}
        file.write_text(yaml.safe_dump(content))
        command = [promtool, "test", "rules", file]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    return run


@pytest.mark.parametrize("spelling", ["suffixes", "no suffixes", "dots and suffixes", "dots"])
def test_each_spelling_of_each_instrument_is_the_contracts(spelling, evaluate):
    all_parts = [(i, part) for i in INSTRUMENTS for part in parts(i)]
    test = {
        "input_series": [series(spellings(i, part)[spelling], "1+1x8") for i, part in all_parts],
        "promql_expr_test": [expectation(i.metric.name + part, "1m", 5) for i, part in all_parts],
    }
    assert evaluate(OTEL, test) == ""


def test_the_service_may_change_its_spelling(evaluate):
    """For some minutes there are both, of the same labels."""
    spelled = spellings(INSTRUMENTS[0], "_bucket")
    test = {
        "input_series": [
            series(spelled["no suffixes"], "1+1x8"),
            series(spelled["dots"], "1+1x8"),
        ],
        "promql_expr_test": [expectation(names.DURATION.name + "_bucket", "1m", 5)],
    }
    assert evaluate(OTEL, test) == ""


def test_a_bound_may_be_written_in_two_ways(evaluate):
    """Prometheus 3 has le="1.0" of what it scrapes, and le="1" of what is pushed to it.

    Half of all take up to half a second, the others up to one, so p95 is 0.95 by interpolation.
    """
    written = {
        "scraped": {"0.5": 10, "1.0": 10, "+Inf": 10},
        "pushed": {"0.5": 0, "1": 10, "+Inf": 10},
    }
    test = {
        "input_series": [
            series(
                names.DURATION.name + "_bucket",
                f"0+{count}x40",
                f'extractor="e", instance="{instance}", le="{bound}"',
            )
            for instance, bounds in written.items()
            for bound, count in bounds.items()
        ],
        "promql_expr_test": [expectation(P95, "6m", 0.95, 'extractor="e"')],
    }
    assert evaluate(OTEL, test) == ""


def test_what_is_no_longer_pushed_is_not_as_new_as_its_copy(evaluate):
    """Nothing is touched for the sake of older metrics than metrics_max_age."""
    requests = names.REQUESTS.name
    test = {
        "input_series": [series("feature_extraction.requests", "1+1x4 _x20")],
        "promql_expr_test": [expectation(requests, "2m", 5), expectation(requests, "2m15s", None)],
    }
    assert evaluate(OTEL, test) == ""


def test_only_what_the_selector_chooses_is_read(evaluate):
    chosen, other = LABELS + ', namespace="prod"', LABELS + ', namespace="test"'
    requests = names.REQUESTS.name
    test = {
        "input_series": [
            series("feature_extraction.requests", "1+1x8", chosen),
            series("feature_extraction.requests", "2+2x8", other),
        ],
        "promql_expr_test": [expectation(requests, "1m", 5, chosen)],
    }
    overlay = """
metrics: {source: otel, selector: 'namespace="prod"'}
"""
    assert evaluate(overlay, test) == ""


def test_other_spellings_are_not_read_unless_they_are_asked_for(evaluate):
    test = {
        "input_series": [series("feature_extraction.requests", "1+1x8")],
        "promql_expr_test": [expectation(names.REQUESTS.name, "1m", None)],
    }
    assert evaluate("{}", test) == ""
    assert evaluate(OTEL, test) != ""


def test_every_instrument_has_its_rules_and_each_rule_its_instrument(generated):
    groups = yaml.safe_load((generated(OTEL) / RULES).read_text())["groups"]
    recorded = [rule["record"] for group in groups for rule in group["rules"]]
    copied = [name for name in recorded if name.startswith(names.PREFIX)]
    assert sorted(copied) == sorted(i.metric.name + p for i in INSTRUMENTS for p in parts(i))


def test_the_document_of_metrics_is_the_same(generated, root):
    """Copies are metrics of the contract, which it lists already."""
    document = "docs/metrics.md"
    assert (generated(OTEL) / document).read_text() == (root / document).read_text()
