"""A measurement that proves nothing is refused."""

import pytest

from bench.figures import BenchError
from bench.prometheus import Load
from bench.subjects.rules import check, measure


class Answers:
    """Prometheus's answers as `check` reads them: one alert with thresholds of two extractors."""

    def __init__(self, *, health="ok", thresholds=2.0, firing=2.0, trouble=True):
        self.load = Load(instances=2, extractors=2, trouble=trouble)
        self._health = health
        self._counts = {"threshold": thresholds, "ALERTS": firing}

    def groups(self):
        return [{"rules": [{"name": "r", "health": self._health, "lastError": "many-to-many"}]}]

    def vector(self, expression):
        kind = "threshold" if "threshold" in expression else "ALERTS"
        label = "alert" if kind == "threshold" else "alertname"
        count = self._counts[kind]
        return [({label: "Slow"}, count)] if count else []


@pytest.mark.parametrize("answers", [Answers(), Answers(firing=0, trouble=False)])
def test_rules_that_work_on_the_expected_data_are_measured(answers):
    check(answers)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (Answers(health="err"), "r is err: many-to-many"),
        (Answers(thresholds=0), "the rules see no extractor"),
        (Answers(thresholds=1), "Slow has thresholds for 1 extractors"),
        (Answers(firing=0), "fires for 0, where 2 and 2 are due"),
        (Answers(trouble=False), "fires for 2, where 2 and 0 are due"),
    ],
)
def test_everything_else_is_refused(answers, said):
    with pytest.raises(BenchError, match=said):
        check(answers)


@pytest.mark.e2e
def test_a_real_prometheus_is_measured_and_gone_afterwards(root, tmp_path):
    """`measure` itself asserts that every alert with a threshold fires for both extractors."""
    load = Load(instances=4, extractors=2, samples=3, evaluations=2)
    cost = measure(root, tmp_path / "small", load)
    assert cost.total > 0
    assert cost.worst > 0
    assert "featurewatch:threshold" in cost.rules
    assert cost.series > load.instances * 60
