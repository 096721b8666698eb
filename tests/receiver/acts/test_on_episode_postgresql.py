"""Reconciliation and the dead man's switch on PostgreSQL, where several processes are usual."""

from receiver.reconciliation.test_reconcile import (  # noqa: F401
    acknowledger,
    looks,
    prometheus,
    test_an_acknowledgement_and_its_end_are_seen_and_counted_once,
    test_an_end_whose_delivery_was_lost_is_taken_in_after_two_minutes,
    test_two_receivers_on_one_database_repair_once,
    test_whom_alertmanager_tells_is_remembered_once_with_the_end,
)
from receiver.store.test_database_postgresql import blank_postgresql, database, make_receiver  # noqa: F401
from receiver.watchdog.test_deadman import (  # noqa: F401  # run here again, on other fixtures
    test_a_restart_tells_nothing_twice_and_claims_no_recovery,
    test_of_two_receivers_one_tells_and_the_other_takes_over,
    test_two_processes_that_look_at_once_tell_once,
    watch,
    way,
)
