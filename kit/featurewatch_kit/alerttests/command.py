"""Runs the tests of files."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from featurewatch_kit.alerttests import report
from featurewatch_kit.alerttests.reading import read_cases
from featurewatch_kit.alerttests.running import run_case
from featurewatch_kit.chain.coverage import Coverage
from featurewatch_kit.chain.setting import Setting, of_file, of_project
from featurewatch_kit.errors import ArgumentError

HIGHEST = 100


def run(options: argparse.Namespace, root: Callable[[], Path]) -> int:
    """Print what the tests show; 1 if one fails, or if they come by too little.

    Raises:
        ConfigError: the settings or a file of tests are wrong.
        KitError: another argument is.

    """
    if not 0 <= options.min_coverage <= HIGHEST:
        raise ArgumentError(f"--min-coverage: must be from 0 to {HIGHEST} (percent)")
    setting = _setting(options, root)
    cases = [case for file in options.files for case in read_cases(file, setting)]
    coverage = Coverage(setting)
    for case in cases:
        coverage.add(case.story, case.until)
    results = [run_case(case, setting) for case in cases]
    print((report.as_json if options.json else report.as_text)(results, coverage))
    if options.junit:
        _write(options.junit, report.as_junit(results))
    enough = _enough(coverage, options.min_coverage)
    return 0 if enough and all(one.passed for one in results) else 1


def _enough(coverage: Coverage, wanted: float) -> bool:
    enough = coverage.percent >= wanted
    if not enough:
        print(f"coverage {coverage.percent:.1f} % is below {wanted:g} %", file=sys.stderr)
    return enough


def _setting(options: argparse.Namespace, root: Callable[[], Path]) -> Setting:
    version = options.alertmanager_version
    if not options.alertmanager:
        return of_project(root(), options.config, version)
    if options.config:
        raise ArgumentError("--config: has no effect beside --alertmanager; leave one of them out")
    return of_file(options.alertmanager, version)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"--junit: {file}: can't be written ({error.strerror})") from error
