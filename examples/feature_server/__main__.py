"""``python -m feature_server``."""

import sys

from feature_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
