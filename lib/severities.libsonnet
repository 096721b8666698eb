// From the worst to the mildest.
['critical', 'high', 'medium', 'low']
