"""Where alerts end in a tree of many routes, without asking each of them."""

from collections import defaultdict

from featurewatch_kit.alertmanager.labels import Labels
from featurewatch_kit.alertmanager.matchers import Matcher, match
from featurewatch_kit.alertmanager.routes import Route


class Children:
    """Those of one route, by the values that they want of a label."""

    def __init__(self, route: Route) -> None:
        self._routes = route.children
        self._asked_always: list[int] = []
        self._by_value: dict[str, dict[str, list[int]]] = {}
        for number, child in enumerate(route.children):
            self._add(number, child)

    def _add(self, number: int, child: Route) -> None:
        telling = next(filter(_names_all, child.matchers), None)
        if telling is None:
            self._asked_always.append(number)
            return
        by_value = self._by_value.setdefault(telling.label, defaultdict(list))
        for value in set(telling.values()):
            by_value[value].append(number)

    def likely(self, labels: Labels) -> list[Route]:
        """Those that can match, in their order."""
        found = list(self._asked_always)
        for label, by_value in self._by_value.items():
            found += by_value.get(labels.get(label, ""), ())
        return [self._routes[number] for number in sorted(found)]


def _names_all(matcher: Matcher) -> bool:
    """Whether it fits only the values that it names."""
    if matcher.operator == "=~":
        return len(matcher.values()) == len(matcher.value.split("|"))
    return matcher.operator == "="


class Index:
    """A tree of routes; `ends` says what `Route.ends` does."""

    def __init__(self, root: Route) -> None:
        self._root = root
        self._children = {id(route): Children(route) for route in root.walk() if route.children}

    def ends(self, labels: Labels) -> list[Route]:
        """Where an alert with these labels ends."""
        return self._ends(self._root, labels)

    def _ends(self, route: Route, labels: Labels) -> list[Route]:
        if not match(route.matchers, labels):
            return []
        found: list[Route] = []
        children = self._children.get(id(route))
        for child in children.likely(labels) if children else ():
            taken = self._ends(child, labels)
            found += taken
            if taken and not child.goes_on:
                break
        return found or [route]
