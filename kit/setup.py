"""Put what the kit generates from into the wheel: it lives at the top of the checkout."""

from pathlib import Path
from shutil import copyfile

from setuptools import setup
from setuptools.command.build_py import build_py

CHECKOUT = Path(__file__).resolve().parents[1]
SOURCES = (
    "config.yaml",
    "*.libsonnet",
    "lib/*",
    "rules/**/*.libsonnet",
    "alertmanager/*.libsonnet",
    "alertmanager/templates/*",
    "dashboards/*.libsonnet",
    "operator/*.libsonnet",
    "prometheus/*.libsonnet",
    "docs/runbook.md",
    "examples/demo.yaml",
    "examples/feature_server/*.py",
)


class WithSources(build_py):
    """Packages, and the sources below one folder in the kit's."""

    def run(self) -> None:
        """Build the packages, then copy."""
        super().run()
        if self.editable_mode:
            return
        for pattern in SOURCES:
            for file in filter(Path.is_file, CHECKOUT.glob(pattern)):
                copy = Path(self.build_lib, "featurewatch_kit/sources", file.relative_to(CHECKOUT))
                copy.parent.mkdir(parents=True, exist_ok=True)
                copyfile(file, copy)


setup(cmdclass={"build_py": WithSources})
