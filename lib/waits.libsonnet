// How long Alertmanager waits before it tells people of an alert of this severity.
function(config, severity)
  local own = std.get(std.get(config.routing.severities, severity, {}), 'group_wait');
  if own != null then own else config.routing.people.group_wait
