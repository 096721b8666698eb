"""Whether both sides told the same: to whom, of which group, of what, and in which order."""

from collections.abc import Iterable
from itertools import pairwise

from kit.alertmanager.differential import model
from kit.alertmanager.differential.batch import Run, Told

Lines = dict[tuple[str, str], list[Told]]


def of_case(told: Iterable[Told], number: int) -> list[Told]:
    """The messages of one case."""
    return [one for one in told if one.path.startswith(f"{number}-")]


def lines(told: Iterable[Told]) -> Lines:
    """The messages of each webhook about each group, in their order."""
    found: Lines = {}
    for one in told:
        found.setdefault((one.path, one.group), []).append(one)
    return found


def disagreement(model: list[Told], real: list[Told], beat: float) -> str | None:
    """What differs between both; None: nothing."""
    expected, seen = lines(model), lines(real)
    for key in sorted({*expected, *seen}):
        wanted = [one.alerts for one in expected.get(key, [])]
        found = [one.alerts for one in seen.get(key, [])]
        if wanted != found:
            return f"{key}:\n  model {wanted}\n  real  {found}"
        for one, other in zip(expected[key], seen[key], strict=True):
            if abs(one.time - other.time) > beat / 2:
                return f"{key}: {one.alerts} at {one.time} in the model, {other.time} in reality"
            if not all(
                abs(a - b) < beat / 4 for a, b in zip(one.starts, other.starts, strict=True)
            ):
                return f"{key}: began at {one.starts} in the model, {other.starts} in reality"
    return _order(expected, seen, beat)


def compared(run: Run, version: str) -> dict[int, str]:
    """What disagrees, by case."""
    told = model.run(run.text, run.happened, version, (run.started, run.end), run.start_delay)
    found = {
        number: disagreement(of_case(told, number), of_case(run.told, number), run.beat)
        for number in run.numbers
    }
    return {number: fault for number, fault in found.items() if fault}


def _order(
    expected: dict[tuple[str, str], list[Told]],
    seen: dict[tuple[str, str], list[Told]],
    beat: float,
) -> str | None:
    """What the model tells a quarter of a beat or more apart comes in the same order."""
    both = [
        (mine.time, theirs.time, key)
        for key, told in expected.items()
        for mine, theirs in zip(told, seen[key], strict=True)
    ]
    for first, second in pairwise(sorted(both)):
        if second[0] - first[0] > beat / 4 and second[1] < first[1]:
            return f"{second[2]} came before {first[2]}"
    return None
