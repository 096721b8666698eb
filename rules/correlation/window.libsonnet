// How near to each other members must begin: the rule's own window, or that of all rules.
local duration = import '../../lib/duration.libsonnet';

function(config, name)
  local own = std.get(config.correlation.rules[name], 'window');
  duration.format(duration.seconds(if own != null then own else config.correlation.window))
