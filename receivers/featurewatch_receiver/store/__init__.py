"""The database: its tables, how it is opened, migrated and kept small."""
