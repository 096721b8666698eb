"""What must be true of the generated files as a whole; docs/check.md lists the checks."""
