"""The version of this package."""

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """Return this package's version, also when it runs from its source."""
    try:
        return version("featurewatch-receiver")
    except PackageNotFoundError:
        return "0+source"
