"""What featurewatch costs, in figures: `make bench`.

Start with :mod:`bench.subjects`, the list of what is measured; each subject is a module beside it.
docs/performance.md says what the figures mean.
"""
