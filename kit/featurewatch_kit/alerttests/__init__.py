"""The command test: tests of who is told what and when, which users write in YAML."""
