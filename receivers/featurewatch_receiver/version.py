"""The version of this package."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("featurewatch-receiver")
except PackageNotFoundError:  # it runs from its source
    VERSION = "0+source"
