"""The API on PostgreSQL: the same tests, on that one's fixtures."""

from receiver.acts.test_on_remediation import *  # noqa: F403
from receiver.store.test_database_postgresql import blank_postgresql, database, make_receiver  # noqa: F401
from receiver.web.test_reads import *  # noqa: F403
