"""The command diff: what changes for whom between two configurations."""
