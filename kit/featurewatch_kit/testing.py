"""A plugin of pytest: tests of who is told what and when, in Python.

    # conftest.py
    pytest_plugins = ["featurewatch_kit.testing"]

docs/testing.md has an example. Nothing else of the kit needs pytest.
"""

import pytest

from featurewatch_kit.alertmanager.versions import DEFAULT
from featurewatch_kit.chain.chain import Chain
from featurewatch_kit.chain.play import Told
from featurewatch_kit.chain.setting import Setting, of_file, of_project
from featurewatch_kit.project import sources

__all__ = ["Chain", "Setting", "Told", "chain", "featurewatch_setting", "of_file", "of_project"]

CONFIG, ALERTMANAGER = "featurewatch_config", "featurewatch_alertmanager"
ALERTMANAGER_VERSION = "featurewatch_alertmanager_version"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of pytest.ini and pyproject.toml."""
    parser.addini(CONFIG, "your settings, laid over featurewatch's defaults", "paths", default=[])
    parser.addini(ALERTMANAGER, "an alertmanager.yml in place of that", "paths", default=[])
    parser.addini(ALERTMANAGER_VERSION, "the Alertmanager that reads it", default=DEFAULT)


@pytest.fixture(scope="session")
def featurewatch_setting(pytestconfig: pytest.Config) -> Setting:
    """The configuration under test: that of the options, or the defaults."""
    version = pytestconfig.getini(ALERTMANAGER_VERSION)
    foreign = pytestconfig.getini(ALERTMANAGER)
    overlays = pytestconfig.getini(CONFIG)
    if foreign and (overlays or len(foreign) > 1):
        raise pytest.UsageError(f"{ALERTMANAGER}: name one file, and no {CONFIG} beside it")
    if foreign:
        return of_file(foreign[0], version)
    return of_project(sources(), overlays, version)


@pytest.fixture
def chain(featurewatch_setting: Setting) -> Chain:
    """A chain to which nothing has happened yet."""
    return Chain(featurewatch_setting)
