"""Every route can be reached: no earlier one takes all its alerts."""

from collections.abc import Iterator, Sequence

from featurewatch_kit.alertmanager.labels import Labels
from featurewatch_kit.alertmanager.matchers import Matcher, match
from featurewatch_kit.alertmanager.routes import Route
from featurewatch_kit.checks.finding import Finding, listed
from featurewatch_kit.checks.tree import Tree
from featurewatch_kit.generate import ALERTMANAGER


def check_shadows(tree: Tree) -> Iterator[Finding]:
    """One finding per route that can't be reached; a note on those that no alert uses today."""
    alerts = [instance.labels for instance in tree.instances]
    used = _entered(tree.root, alerts)
    # What is below an unused route shares its lot; the root and the catch-all are for strangers.
    unused = [route for route in tree.root.walk() if route not in used and route.parent in used]
    unreached = {route: list(_unreached(route, alerts, tree.root)) for route in unused}
    for findings in unreached.values():
        yield from findings
    yield from _note([route for route in unused if route.matchers and not unreached[route]])


def _entered(root: Route, label_sets: Sequence[Labels]) -> set[Route]:
    ends = {route for labels in label_sets for route in root.ends(labels)}
    return {above for route in ends for above in [route, *route.ancestors()]}


def _unreached(route: Route, alerts: Sequence[Labels], root: Route) -> Iterator[Finding]:
    witness = _witness(route)
    chain = [route, *route.ancestors()]
    if not all(match(step.matchers, witness) for step in chain):
        yield Finding(
            ALERTMANAGER,
            f"{route}: no label set fulfils its matchers and those above it; write others",
        )
        return
    candidates = [a for a in alerts if all(match(s.matchers, a) for s in chain)] or [witness]
    if route not in _entered(root, [*candidates, witness]):
        takers = listed([f"`{_taker(route, labels)}`" for labels in candidates])
        yield Finding(
            ALERTMANAGER,
            f"{route}: is never reached, since {takers} before it takes all its alerts; write"
            " this one first, or `continue: true` there",
        )


def _witness(route: Route) -> dict[str, str]:
    """Labels that fulfil the matchers of a route and of those above it, if simple ones do."""
    matchers = [m for step in [route, *route.ancestors()] for m in step.matchers]
    wanted: dict[str, list[Matcher]] = {}
    for matcher in matchers:
        if matcher.operator in ("=", "=~") and not matcher.matches({}):
            wanted.setdefault(matcher.label, []).append(matcher)
    return {label: _fitting(label, those) for label, those in wanted.items()}


def _fitting(label: str, matchers: Sequence[Matcher]) -> str:
    """A value that fulfils all of them if one that they name does."""
    values = [value for matcher in matchers for value in matcher.values() if value]
    values.append(f"some_{label}")
    return next((v for v in values if match(matchers, {label: v})), values[0])


def _taker(route: Route, labels: Labels) -> Route:
    """The earlier sibling, of the route or of one above it, that keeps the labels from it."""
    for step in [route, *route.ancestors()]:
        for sibling in step.parent.children if step.parent else []:
            if sibling is step:
                break
            if not sibling.goes_on and match(sibling.matchers, labels):
                return sibling
    return route


def _note(unused: list[Route]) -> Iterator[Finding]:
    if unused:
        names = listed([str(route) for route in unused])
        yield Finding(ALERTMANAGER, f"no alert goes today by {names}", note=True)
