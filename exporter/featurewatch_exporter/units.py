"""Units in which a source tells a figure, by the unit of the metric that it becomes."""

from featurewatch_exporter.configfile import Table

#: Units of the metric in one of each.
UNITS = {
    "seconds": {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9},
    "ratio": {"ratio": 1.0, "percent": 0.01},
}


def read_unit(table: Table, metric_unit: str) -> float | None:
    """Return the scale that the key ``unit`` of a map's entry means, None without one."""
    if "unit" not in table.data:
        return None
    units = UNITS.get(metric_unit)
    if not units:
        table.fault("unit", f"the metric counts {metric_unit}, of which there is one; remove it")
        return None
    if "scale" in table.data:
        table.fault("unit", "stands beside scale; keep one of the two")
    return units.get(table.choice("unit", tuple(units)))
