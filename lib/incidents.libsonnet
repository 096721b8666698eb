// Alerts that belong together: an incident and its members, and other incidents that share one.
local correlations = import 'correlations.libsonnet';

local overlap(one, other) = std.setInter(one, other) != [];

// {names: of the incidents, alerts: and of their members}
function(config)
  local each = [
    { names: [name], alerts: std.set([name] + config.correlation.rules[name].members) }
    for name in correlations(config)
  ];
  local joined(found, one) =
    local near = [group for group in found if overlap(group.alerts, one.alerts)];
    [group for group in found if !overlap(group.alerts, one.alerts)] + [
      std.foldl(
        function(all, group) {
          names: std.setUnion(all.names, group.names),
          alerts: std.setUnion(all.alerts, group.alerts),
        },
        near,
        one
      ),
    ];
  std.foldl(joined, each, [])
