"""Reads statsd in every dialect that clients write.

:mod:`.dialects` knows what a line says, :mod:`.book` which rules it is for, :mod:`.intake` takes
many lines at once, :mod:`.sockets` are where they come from, and :mod:`.reader` is the thread.
"""
