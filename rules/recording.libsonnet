// The values that alerts judge, each recorded once for all alerts and panels that read it.
local confidence = import '../lib/confidence.libsonnet';
local duration = import '../lib/duration.libsonnet';
local promql = import '../lib/promql.libsonnet';
local values = import '../lib/values.libsonnet';

// judged: by alert, the values that it judges.
function(config, judged)
  // Of all alerts that judge this value.
  local bounds(value) = std.flatMap(
    function(name)
      if std.member([v.name for v in judged[name]], value.name) then values.thresholds(config.alerts[name]) else [],
    std.objectFields(judged)
  );
  local q = promql.new(config);
  local instances = {
    record: q.instances,
    expr: |||
      # Whatever reports anything that is watched.
      count by (%(by)s) (group by (%(by)s, job, instance) (%(any)s))
    ||| % { by: q.by, any: q.watched() },
  };
  local lastSeen = {
    record: q.lastSeen,
    expr: |||
      time() * group by (%(by)s) (%(instances)s)
      or
      # Its former value, for as long as the alert wants to know.
      last_over_time(%(last_seen)s[1h]) > time() - %(seconds)d
    ||| % {
      by: q.by,
      instances: q.instances,
      last_seen: q.lastSeen,
      seconds: duration.seconds(config.alerts.FeatureExtractionMetricsAbsent.window),
    },
  };
  local recorded(value, settings) =
    value.records(settings.window)
    + (if value.traffic then value.counting(confidence.last(config, settings), bounds(value)) else []);
  local all = std.flattenArrays([
    recorded(value, config.alerts[name])
    for name in std.objectFields(judged)
    for value in judged[name]
  ]);
  // Several alerts may judge one value: each rule once, after those that it reads.
  local once(rules, rule) = if std.member([r.record for r in rules], rule.record) then rules else rules + [rule];
  std.foldl(once, all, [instances, lastSeen])
