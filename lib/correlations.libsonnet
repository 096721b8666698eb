// Names of the correlation rules that are switched on.
function(config) [
  name
  for name in std.objectFields(config.correlation.rules)
  if config.correlation.enabled && config.correlation.rules[name].enabled
]
