"""The alert console: what the receiver knows, as pages for the person on call."""
