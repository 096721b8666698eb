"""A chain under test: alerts over time, what people do meanwhile, and who is told what."""
