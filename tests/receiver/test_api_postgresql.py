"""The API on PostgreSQL: the same tests, on that one's fixtures."""

from receiver.test_api_reads import *  # noqa: F403
from receiver.test_api_remediations import *  # noqa: F403
from receiver.test_postgresql import blank_postgresql, database, make_receiver  # noqa: F401
