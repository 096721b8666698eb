"""Where things are: the folder of the project, its configuration, its generated files."""

from pathlib import Path

from featurewatch_kit.config.checks import check_references
from featurewatch_kit.config.model import Config, config_model
from featurewatch_kit.errors import GenerationError
from featurewatch_receiver.config.file import load

DEFAULTS = "config.yaml"
MIXIN = "mixin.libsonnet"
ALERT_FILES = "rules/alerts"
#: The sources that come with the installed kit; in a checkout there are none.
SHIPPED = Path(__file__).parent / "sources"


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above `start` that holds the jsonnet sources.

    Raises:
        GenerationError: there is none.

    """
    found = _checkout(start)
    if found is None:
        raise GenerationError(
            f"{start}: no {MIXIN} here or above; name a featurewatch checkout with --root"
        )
    return found


def sources() -> Path:
    """Return the checkout that this is run in, or what has come with the installed kit.

    Raises:
        GenerationError: there is neither.

    """
    here = Path.cwd()
    return _checkout(here) or (SHIPPED if SHIPPED.is_dir() else find_root(here))


def _checkout(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        if (folder / MIXIN).is_file() and (folder / DEFAULTS).is_file():
            return folder
    return None


def alert_names(root: Path) -> tuple[str, ...]:
    """Names of the alerts that there are: each is a file below rules/alerts."""
    return tuple(sorted(file.stem for file in (root / ALERT_FILES).glob("*.libsonnet")))


def load_config(root: Path, overlays: list[Path]) -> Config:
    """Merge the overlays over the project's defaults and check the result as a whole.

    Raises:
        ConfigError: with one line per fault.

    """
    return load([root / DEFAULTS, *overlays], config_model(alert_names(root)), check_references)
