"""A first folder of one's own: what `featurewatch init` writes and `featurewatch up` runs."""
