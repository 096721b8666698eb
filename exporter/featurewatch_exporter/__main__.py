"""``python -m featurewatch_exporter``."""

import sys

from featurewatch_exporter.cli import main

if __name__ == "__main__":
    sys.exit(main())
