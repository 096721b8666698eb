"""A small, real feature extraction service: the example of how to instrument one.

Read ``service.py`` first: it is the extraction path with its few lines of instrumentation.
``sampler`` makes the windows, ``features`` the numbers, ``cache`` keeps them, ``workers`` is the
model's replicas, ``app`` and ``admin`` are HTTP, ``load`` is a load generator.
"""
