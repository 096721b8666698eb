"""The alert console."""
