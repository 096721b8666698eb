"""`python -m featurewatch_receiver` is the command `featurewatch-receiver`."""

import sys

from featurewatch_receiver.cli import main

sys.exit(main())
