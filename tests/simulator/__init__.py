"""A simulator of healthy and sick services, for the rules as they are generated.

It evaluates PromQL over weeks at once, with numpy, so that rare false alerts can be counted.
"""
