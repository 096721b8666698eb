"""The old and the new configuration, each read from a file or folder."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featurewatch_kit.alertmanager.configuration import (
    Configuration,
    from_tree,
    read_text,
    read_tree,
)
from featurewatch_kit.alertmanager.labels import LabelSet, label_set
from featurewatch_kit.errors import ArgumentError

#: Where `featurewatch generate --out` writes it.
GENERATED = "alertmanager/generated/alertmanager.yaml"
#: Of these no values are printed: there can be secrets in them.
HIDDEN = ("global", "receivers", "tracing")
SHOWN = ("time_intervals", "mute_time_intervals", "templates")


@dataclass(frozen=True)
class Side:
    """One of the two."""

    configuration: Configuration
    #: Names of those who read what an integration of a receiver is sent.
    behind: Callable[[str, str], Sequence[str]]
    #: The alerts that it can raise; None for a foreign file, which knows none.
    alerts: frozenset[LabelSet] | None
    #: What is set, as one tree, with its routes and inhibit rules left out.
    settings: Mapping[str, Any]


def read_both(options: argparse.Namespace) -> tuple[Side, Side]:
    """Read OLD and NEW.

    Raises:
        ArgumentError: one of them is not what can be compared, or they are of two kinds.
        ConfigError: settings are wrong.

    """
    trees = [(path, *_tree(path)) for path in (options.old, options.new)]
    foreign = [_is_foreign(tree) for _, _, tree in trees]
    if foreign[0] != foreign[1]:
        raise ArgumentError(
            f"{options.old} and {options.new}: one is an alertmanager.yml, the other settings of"
            " featurewatch; compare two of a kind (generate --out makes the one of the other)"
        )
    version = options.alertmanager_version
    if foreign[0]:
        old, new = (_foreign(file, tree, version) for _, file, tree in trees)
    else:
        old, new = (_own(options, file) for _, file, _ in trees)
    return old, new


def _tree(path: Path) -> tuple[Path, Any]:
    file = path / GENERATED if path.is_dir() else path
    return file, read_tree(read_text(file), str(file))


def _is_foreign(tree: Any) -> bool:
    return isinstance(tree, dict) and ("route" in tree or "receivers" in tree)


def _foreign(file: Path, tree: Any, version: str) -> Side:
    configuration = from_tree(tree, version, str(file))
    settings = {key: tree[key] for key in (*HIDDEN, *SHOWN) if tree.get(key)}
    return Side(configuration, lambda receiver, _: (receiver,), None, settings)


def _own(options: argparse.Namespace, file: Path) -> Side:
    # It takes longer than all the rest, and who compares files needs none of it.
    from featurewatch_kit.chain.setting import of_project
    from featurewatch_kit.project import find_root, load_config, sources

    if not file.is_file():  # what generates from it reads it again
        raise ArgumentError(f"{file}: settings can't come from a pipe; write them to a file first")
    root = find_root(options.root.resolve()) if options.root else sources()
    overlays = [*options.config, file]
    setting = of_project(root, overlays, options.alertmanager_version)
    alerts = setting.catalogue.alerts() if setting.catalogue else []
    return Side(
        configuration=setting.configuration,
        behind=setting.people.behind,
        alerts=frozenset(map(label_set, alerts)),
        settings=load_config(root, overlays).model_dump(mode="json", by_alias=True),
    )
