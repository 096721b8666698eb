"""Put the runbook, which lives among the documents of the checkout, into the wheel."""

from pathlib import Path
from shutil import copyfile

from setuptools import setup
from setuptools.command.build_py import build_py

RUNBOOK = Path(__file__).resolve().parents[1] / "docs/runbook.md"


class WithRunbook(build_py):
    """Packages, and the runbook beside the module that reads it."""

    def run(self) -> None:
        """Build the packages, then copy."""
        super().run()
        if not self.editable_mode:
            copyfile(RUNBOOK, Path(self.build_lib, "featurewatch_receiver/runbook.md"))


setup(cmdclass={"build_py": WithRunbook})
