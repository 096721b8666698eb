"""What a story is played on: the generated configuration, or any alertmanager.yml."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featurewatch_kit import generate
from featurewatch_kit.alertmanager.configuration import (
    Configuration,
    from_tree,
    read_configuration,
    read_text,
)
from featurewatch_kit.alertmanager.labels import Labels
from featurewatch_kit.alertmanager.versions import DEFAULT
from featurewatch_kit.alertmanager.versions import version as read_version
from featurewatch_kit.chain.catalogue import Catalogue, read_catalogue
from featurewatch_kit.chain.people import People, of_receivers, of_recipients
from featurewatch_kit.project import load_config
from featurewatch_receiver.labels import ALERTNAME


@dataclass(frozen=True)
class Setting:
    """A configuration with the people behind it."""

    configuration: Configuration
    version: str
    people: People
    #: None for a foreign alertmanager.yml.
    catalogue: Catalogue | None

    @property
    def longest_interval(self) -> float:
        """Seconds after which every end has been told."""
        return max(route.group_interval for route in self.configuration.root.walk())

    def levels(self, name: str | None, labels: Labels) -> list[tuple[dict[str, str], float]]:
        """Labels of each level of an alert of this name, and when it begins to fire.

        Without a name, and in a foreign file, the labels are all that it has.

        Raises:
            ArgumentError: our configuration has no such alert, or several.

        """
        if self.catalogue and name:
            return self.catalogue.levels(name, labels)
        return [({**({ALERTNAME: name} if name else {}), **labels}, 0.0)]


def of_file(file: Path, version: str = DEFAULT) -> Setting:
    """Read any alertmanager.yml.

    Raises:
        ArgumentError: it can't be read, or is none.

    """
    configuration = read_configuration(read_text(file), version, str(file))
    return Setting(configuration, version, of_receivers(configuration), None)


def of_project(root: Path, overlays: Sequence[Path] = (), version: str = DEFAULT) -> Setting:
    """Generate the configuration, with these settings laid over the defaults.

    Raises:
        ConfigError: the settings are wrong.
        GenerationError: jsonnet refused the sources.

    """
    read_version(version)
    config = load_config(root, list(overlays))
    mixin = generate.evaluate(config, root)
    tree = mixin["alertmanager"]
    return Setting(
        configuration=from_tree(tree, version),
        version=version,
        people=of_recipients(config, tree),
        catalogue=read_catalogue(config, mixin),
    )
