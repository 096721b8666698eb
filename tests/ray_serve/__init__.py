"""Measuring inside Ray Serve."""
