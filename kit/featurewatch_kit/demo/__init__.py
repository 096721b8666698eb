"""The whole chain on one machine: stand-ins for what can't be there, and a mailbox."""
