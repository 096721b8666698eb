"""Groups repeat as often as they say."""

from collections.abc import Iterator

from featurewatch_kit.alertmanager.routes import Route
from featurewatch_kit.checks.finding import Finding, listed
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.generate import ALERTMANAGER
from featurewatch_receiver.config.values import seconds

# Alertmanager's default of --data.retention, after which it forgets what it has sent: 120h.
RETENTION = 120 * 3600


def check_timing(tree: Tree) -> Iterator[Finding]:
    """Findings about each pace that is in effect somewhere, with the routes that have it."""
    paces: dict[tuple[str, ...], list[Route]] = {}
    for route in tree.root.walk():
        paces.setdefault(tuple(route.timing.values()), []).append(route)
    for routes in paces.values():
        yield from _pace(routes[0], listed([str(route) for route in routes]))


def _pace(route: Route, names: str) -> Iterator[Finding]:
    wait, interval, repeat = (route.timing[k] for k in route.timing)
    if route.wait("repeat_interval") < route.wait("group_interval"):
        yield Finding(
            ALERTMANAGER,
            f"{names}: repeat_interval {repeat} is less than group_interval {interval}, at which"
            f" alone Alertmanager repeats; write {interval} or more under routing",
        )
    elif route.wait("repeat_interval") % route.wait("group_interval"):
        yield _real_repeat(route, names)
    if route.wait("repeat_interval") > RETENTION:
        yield Finding(
            ALERTMANAGER,
            f"{names}: repeat_interval {repeat} is longer than the {span(RETENTION)} that"
            " Alertmanager remembers what it has sent, after which it repeats anyway; write"
            f" {span(RETENTION)} or less under routing",
        )
    if route.wait("group_wait") > route.wait("group_interval"):
        yield Finding(
            ALERTMANAGER,
            f"{names}: group_wait {wait} is longer than group_interval {interval}: the first"
            " message comes later than any other",
            note=True,
        )


def _real_repeat(route: Route, names: str) -> Finding:
    """Alertmanager repeats at the first flush after the repeat interval."""
    interval, repeat = route.timing["group_interval"], route.timing["repeat_interval"]
    real = (seconds(repeat) // seconds(interval) + 1) * seconds(interval)
    return Finding(
        ALERTMANAGER,
        f"{names}: repeats every {span(real)}, the next multiple of group_interval {interval}"
        f" after repeat_interval {repeat}",
        note=True,
    )


def span(total: int) -> str:
    """Seconds as a duration: 5400 is 1h30m."""
    parts = [(total // 3600, "h"), (total % 3600 // 60, "m"), (total % 60, "s")]
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
