"""What the tests have shown: as text, as JSON, and as JUnit's XML."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from featurewatch_kit.alertmanager.durations import duration
from featurewatch_kit.alerttests.running import Result
from featurewatch_kit.alerttests.wanted import Telling, Wanted
from featurewatch_kit.chain.coverage import Coverage

#: Of each kind, how many that no test comes by are named.
SHOWN = 5
WIDTH = 120


def as_text(results: Sequence[Result], coverage: Coverage) -> str:
    """Each test that failed with its timeline, and a summary."""
    failed = [one for one in results if not one.passed]
    blocks = ["\n".join(_failure(one)) + "\n" for one in failed]
    counts = f"{len(results) - len(failed)} passed, {len(failed)} failed"
    return "\n".join([*blocks, *_coverage(coverage), f"featurewatch test: {counts}"])


def _failure(result: Result) -> Iterator[str]:
    yield f"FAILED {result.case.place}: {result.case.name}"
    yield "  (- expected, + got)"
    yield from (f"  {line}" for line in result.timeline())


def _coverage(coverage: Coverage) -> Iterator[str]:
    counts = (
        f"{len(coverage.came_by[kind])} of {len(places)} {kind}"
        for kind, places in coverage.all.items()
    )
    yield f"coverage {coverage.percent:.1f} %: {', '.join(counts)}"
    for kind, places in coverage.missed().items():
        if places:
            yield f"no test comes by these {kind}:"
            yield from (f"  {_shorten(place)}" for place in places[:SHOWN])
        if len(places) > SHOWN:
            yield f"  and {len(places) - SHOWN} more (--json names them)"


def _shorten(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def as_json(results: Sequence[Result], coverage: Coverage) -> str:
    """The same for programs."""
    tree = {
        "tests": [_test(one) for one in results],
        "coverage": {"percent": round(coverage.percent, 1), "missed": coverage.missed()},
    }
    return json.dumps(tree, indent=2, ensure_ascii=False)


def _test(result: Result) -> dict[str, Any]:
    return {
        "name": result.case.name,
        "place": result.case.place,
        "passed": result.passed,
        "told": [_telling(one) for one in result.told],
        "missing": [_wanted(one) for one in result.missing],
        "unexpected": [_telling(one) for one in result.unexpected],
    }


def _telling(one: Telling) -> dict[str, Any]:
    return {
        "at": duration(one.time),
        "who": one.who,
        "by": one.channels,
        "status": one.status,
        "firing": one.firing,
        "resolved": one.resolved,
    }


def _wanted(one: Wanted) -> dict[str, Any]:
    return {"when": one.when, "who": one.who, "what": str(one)}


def as_junit(results: Sequence[Result]) -> str:
    """As CI systems read it: one suite, a case for each test."""
    failures = sum(not one.passed for one in results)
    total = {"tests": str(len(results)), "failures": str(failures), "errors": "0"}
    root = ElementTree.Element("testsuites", total)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "featurewatch test", **total})
    for result in results:
        file, _, line = result.case.place.rpartition(":")
        about = {"classname": file, "name": result.case.name, "file": file, "line": line}
        case = ElementTree.SubElement(suite, "testcase", about)
        if not result.passed:
            said = {
                "message": f"{len(result.missing)} missing, {len(result.unexpected)} unexpected"
            }
            ElementTree.SubElement(case, "failure", said).text = "\n".join(_failure(result))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
