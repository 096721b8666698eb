"""Rule evaluation on a real Prometheus by the number of scraped instances.

Every alert of every extractor fires meanwhile: the most that the rules can cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.figures import BenchError, Figure, at_most, growth
from bench.prometheus import Load, Running, running
from featurewatch_kit.project import load_config
from featurewatch_receiver.config.values import seconds

LOADS = (
    Load(instances=10),
    Load(instances=100),
    Load(instances=1000, interval="4s"),
)
SPREAD = Load(instances=1000, extractors=10, interval="4s")
#: Of the default evaluation interval.
MOST_OF_INTERVAL = at_most(0.1)
SLOWEST = 3


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of evaluation. The quickest of several is the undisturbed one."""

    #: The quickest evaluation of each group.
    groups: dict[str, float]
    #: All groups after one another, as a mean.
    mean: float
    #: The longest evaluation of any group.
    worst: float
    #: The quickest evaluation of each rule, rules of one name together.
    rules: dict[str, float]
    series: float
    #: Bytes.
    memory: float

    @property
    def total(self) -> float:
        """All groups after one another."""
        return sum(self.groups.values())


def run(root: Path, folder: Path) -> Iterator[Figure]:
    """Cost for 10, 100 and 1,000 instances, how it grows, and 1,000 instances of 10 extractors."""
    costs = []
    for load in LOADS:
        case = f"rules.{load.instances}_instances"
        costs.append(measure(root, folder / case, load))
        yield from figures(case, costs[-1])
    yield share(root, f"rules.{LOADS[-1].instances}_instances", costs[-1])
    yield from growths(costs)
    case = f"rules.{SPREAD.instances}_instances_of_{SPREAD.extractors}_extractors"
    cost = measure(root, folder / case, SPREAD)
    yield from figures(case, cost)
    yield share(root, case, cost)


def measure(root: Path, folder: Path, load: Load, overlays: list[Path] | None = None) -> Cost:
    """What evaluation costs under a load.

    Raises:
        BenchError: a rule fails, or what the rules should compute is not there.

    """
    folder.mkdir(parents=True)
    with running(root, folder, load, overlays or []) as run:
        cost = _cost(run)
        check(run)
        return cost


def _cost(run: Running) -> Cost:
    over = f"_over_time(prometheus_rule_group_last_duration_seconds[{run.window}])"
    return Cost(
        groups={
            labels["rule_group"].rpartition(";")[2]: value
            for labels, value in run.vector("min" + over)
        },
        mean=run.value(f"sum(avg{over})"),
        worst=run.value(f"max(max{over})"),
        rules={name: min(times[name] for times in run.rule_times) for name in run.rule_times[0]},
        series=run.value("prometheus_tsdb_head_series"),
        memory=run.value("process_resident_memory_bytes"),
    )


def check(run: Running) -> None:
    """Refuse a measurement over rules that fail or have nothing to do."""
    for group in run.groups():
        for rule in group["rules"]:
            if rule["health"] != "ok":
                fault = rule.get("lastError") or "not evaluated"
                raise BenchError(f"{rule['name']} is {rule['health']}: {fault}")
    thresholds = _extractors(run, "featurewatch:threshold", "alert")
    firing = _extractors(run, 'ALERTS{alertstate="firing"}', "alertname")
    if not thresholds:
        raise BenchError("there are no thresholds: the rules see no extractor")
    due = run.load.extractors if run.load.trouble else 0
    for alert, count in thresholds.items():
        if (count, firing.get(alert, 0)) != (run.load.extractors, due):
            raise BenchError(
                f"{alert} has thresholds for {count:g} extractors and fires for"
                f" {firing.get(alert, 0):g}, where {run.load.extractors} and {due} are due"
            )


def _extractors(run: Running, series: str, label: str) -> dict[str, float]:
    """How many extractors have the series, by the value of the label."""
    counts = run.vector(f"count by ({label}) (count by ({label}, extractor) ({series}))")
    return {labels[label]: count for labels, count in counts}


def figures(case: str, cost: Cost) -> Iterator[Figure]:
    """Time of each group, of all, of the slowest rules; series and memory."""
    for group, value in sorted(cost.groups.items()):
        yield Figure(name=f"{case}.group.{group}", value=value, unit="s")
    yield Figure(name=f"{case}.total", value=cost.total, unit="s")
    yield Figure(name=f"{case}.mean", value=cost.mean, unit="s")
    yield Figure(name=f"{case}.worst_group", value=cost.worst, unit="s")
    slowest = sorted(cost.rules.items(), key=lambda rule: -rule[1])[:SLOWEST]
    for name, value in slowest:
        yield Figure(name=f"{case}.slowest.{name}", value=value, unit="s")
    yield Figure(name=f"{case}.series", value=cost.series, unit="series")
    yield Figure(name=f"{case}.prometheus_memory", value=cost.memory / 1e6, unit="MB")


def share(root: Path, case: str, cost: Cost) -> Figure:
    """Part of the default evaluation interval that all groups take."""
    interval = seconds(load_config(root, []).alerting.evaluation_interval)
    return Figure(
        name=f"{case}.share_of_interval",
        value=cost.total / interval,
        unit="ratio",
        goal=MOST_OF_INTERVAL,
    )


def growths(costs: list[Cost]) -> Iterator[Figure]:
    """How many times the time grows with the instances; at most as they do."""
    for few, many, before, after in zip(LOADS, LOADS[1:], costs, costs[1:], strict=False):
        yield Figure(
            name=f"rules.growth_{few.instances}_to_{many.instances}_instances",
            value=growth(before.total, after.total),
            unit="times",
            goal=at_most(many.instances / few.instances),
        )
