// What is recorded of an incident's members: when each category of them began, whether
// any is in trouble by itself, and what each measures while it fires.
local promql = import '../../lib/promql.libsonnet';

// Formats of Prometheus's templates, by which texts.libsonnet knows how to write a value.
local units = { humanizeDuration: 'seconds', humanizePercentage: 'ratio', humanize: 'count' };

function(config, name, all)
  local q = promql.new(config);
  local names = config.correlation.rules[name].members;
  local began = {
    record: q.activation,
    expr: |||
      # When each category of the firing members began, as a Unix time.
      min by (%s, category) (featurewatch:alert_start_timestamp_seconds{%s})
    ||| % [q.by, promql.oneOf('alertname', names)],
    labels: { correlation: name },
  };
  local lasts = {
    record: q.incident,
    expr: |||
      # When an incident began, while any of its members is in trouble by itself.
      max by (%(by)s) (%(start)s)
        and on (%(by)s)
      featurewatch:breach{%(members)s}
    ||| % { by: q.by, start: promql.start(name), members: promql.oneOf('alert', names) },
    labels: { correlation: name },
  };
  local measured(member, value) = |||
    label_replace(label_replace(%s, "unit", "%s", "", ""), "member", "%s", "", "")
      and on (%s)
    ALERTS{alertname="%s", alertstate="firing", escalation_level="1"}
  ||| % [
    value.series(config.alerts[member].window),
    units[value.format],
    std.join(' ', [member] + (if std.length(all[member].judges) > 1 then [value.name] else [])),
    q.by,
    member,
  ];
  local values = [
    measured(member, value)
    for member in names
    if std.objectHas(all, member)
    for value in all[member].judges
  ];
  [began, lasts] + if values == [] then [] else [{
    record: q.memberValue,
    expr: '# What each firing member measures.\n' + std.join('or\n', values),
    labels: { correlation: name },
  }]
