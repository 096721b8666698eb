"""A world is as its true state says."""

import numpy as np
import pytest

from simulator.vectors import NAME
from simulator.world import Fault, Health, World, samples

DAY = 24 * 3600.0


def _ends(world: World) -> dict[str, float]:
    """The last value of each counter, of all instances."""
    result: dict[str, float] = {}
    for labels, series in samples(world).items():
        values = dict(labels)
        name = " ".join(
            filter(
                None,
                (
                    values[NAME].removeprefix("feature_extraction_"),
                    values.get("result"),
                    values.get("le"),
                ),
            )
        )
        result[name] = result.get(name, 0.0) + float(series.values[-1])
    return result


def test_counters_count_what_happens() -> None:
    health = Health(rate=10.0, errors=0.01, misses=0.2, fallbacks=0.03, p95=0.1)
    ends = _ends(World(health, DAY, instances=2))
    total = ends["requests_total"]
    assert total == pytest.approx(10 * DAY, rel=0.01)
    assert ends["errors_total"] / total == pytest.approx(0.01, rel=0.1)
    assert ends["fallbacks_total"] / total == pytest.approx(0.03, rel=0.1)
    assert ends["cache_lookups_total miss"] / total == pytest.approx(0.2, rel=0.1)
    assert ends["duration_seconds_bucket 0.1"] / total == pytest.approx(0.95, rel=0.01)
    assert ends["duration_seconds_bucket +Inf"] == total == ends["duration_seconds_count"]


def test_a_fault_lasts_from_its_beginning_to_its_end() -> None:
    world = World(Health(), 3600.0, (Fault(1000.0, 1100.0, Health(errors=1.0)),))
    (errors,) = (s for labels, s in samples(world).items() if "errors" in dict(labels)[NAME])
    born = int(np.flatnonzero(errors.present)[0])
    assert born == 67  # the scrape at 1005 s
    assert errors.values[74] == errors.values[-1] == pytest.approx(200, rel=0.3)


def test_bursts_are_as_many_errors_in_fewer_moments() -> None:
    alone, together = (
        _ends(World(Health(rate=10.0, errors=0.01, burst=burst), 10 * DAY))["errors_total"]
        for burst in (1, 5)
    )
    assert together % 5 == 0
    assert together == pytest.approx(alone, rel=0.1)


def test_counters_begin_anew_with_their_process() -> None:
    world = World(Health(errors=0.001), 3600.0, restarts=(1800.0,))
    for labels, series in samples(world).items():
        if "requests" in dict(labels)[NAME]:
            assert series.values[119] > 1000
            assert series.values[120] < 100


def test_the_same_seed_is_the_same_world() -> None:
    one, same, other = (_ends(World(Health(), DAY, seed=seed)) for seed in (1, 1, 2))
    assert one == same != other
