// From an entry of config.yaml and an expression to the rules of one alert.
local annotations = import 'annotations.libsonnet';
local dashboard = import 'dashboard.libsonnet';
local escalation = import 'escalation.libsonnet';
local promql = import 'promql.libsonnet';

{
  links(config, name, identity)::
    local extractor = if std.member(identity, 'extractor')
    then 'extractor={{ $labels.extractor | urlquery }}' else '';
    // A label that no series has, since only Prometheus adds it, chooses nothing there.
    local others = [
      '{{ with $labels.%s }}&var-%s={{ . | urlquery }}{{ end }}' % [label, label]
      for label in config.metrics.identity
      if label != 'extractor' && std.member(identity, label)
    ];
    {
      runbook_url: config.links.runbook + name,
      dashboard_url: config.links.grafana + dashboard.path('overview')
                     + (if extractor == '' then '' else '?var-' + extractor + std.join('', others)),
      [if config.links.console != null then 'console_url']:
        config.links.console + '/alerts?alertname=' + name
        + (if extractor == '' then '' else '&' + extractor),
    },

  // Since when, and for how long. What began at this moment is recorded at the next.
  times(name, scope)::
    local start = 'max(%s) or vector(time())' % promql.start(name, scope.same);
    {
      since: annotations.time(scope, start),
      duration: annotations.first(scope, 'time() - (%s)' % start, 'humanizeDuration'),
    },

  // A setting as one series per extractor: the overrides win, since `or` keeps its left side. One
  // branch per value and not per extractor: a thousand branches are beyond what Prometheus joins.
  setting(config, name, record, pick, labels={})::
    local q = promql.new(config);
    local alert = config.alerts[name];
    local among(operator, extractors) = 'extractor%s%s' % [
      operator,
      std.escapeStringJson(promql.regex(extractors)),
    ];
    local at(value, matchers) =
      local where = if matchers == [] then '' else '{%s}' % std.join(', ', matchers);
      '%s * group by (%s) (%s%s)' % [promql.number(value), q.by, q.instances, where];
    local overrides = std.objectKeysValues(alert.overrides);
    local off = [o.key for o in overrides if std.get(o.value, 'enabled') == false];
    // Pairs, and each looked at once: there may be a thousand.
    local all = [[o.key, pick(o.value)] for o in overrides if std.get(o.value, 'enabled') != false];
    local own = [pair for pair in all if pair[1] != null];
    {
      record: 'featurewatch:' + record,
      // An extractor for which the alert is off has no threshold to be beyond of.
      expr: std.join('\nor\n', [
        at(value, [among('=~', [pair[0] for pair in own if pair[1] == value])])
        for value in std.set([pair[1] for pair in own])
      ] + [at(pick(alert), if off == [] then [] else [among('!~', off)])]),
      labels: { alert: name } + labels,
    },

  threshold(config, name, pick=function(t) t, labels={})::
    self.setting(
      config,
      name,
      'threshold',
      function(from)
        local threshold = std.get(from, 'threshold');
        if threshold == null then null else pick(threshold),
      labels
    ),

  // parts: summary, expr, values (what the message's {placeholders} and the annotations value and
  // threshold say), and where needed: identity, the labels that tell alerts of this name apart;
  // measured, what differs from values when another alert cites this one; recordings.
  new(config, name, parts)::
    local alert = config.alerts[name];
    local identity = std.get(parts, 'identity', config.metrics.identity);
    local scope = promql.scope(identity);
    local values = { [label]: '{{ $labels.%s }}' % label for label in identity } + parts.values;
    local measured = values + std.get(parts, 'measured', {});
    local cited = annotations.fill(alert.message, measured);
    {
      identity: identity,
      recordings: std.get(parts, 'recordings', []),
      // Its message where $value is not its own.
      cited: cited,
      cited_value: measured.value,
      levels: escalation.escalate(config, scope, {
        alert: name,
        expr: parts.expr,
        'for': alert['for'],
        keep_firing_for: alert.cooldown,
        labels: alert.labels { severity: alert.severity } + $.resolution(alert),
        annotations: $.links(config, name, identity) + $.times(name, scope) + {
          summary: parts.summary,
          description: annotations.fill(alert.message, values),
          value: values.value,
          threshold: values.threshold,
        },
      }, alert),
    },

  // Alertmanager routes on it: only what does not resolve by itself is marked.
  resolution(alert):: if alert.auto_resolve then {} else { auto_resolve: 'false' },

  // An alert about one recorded value of each extractor with one threshold.
  single(config, name, summary, value, operator, format, traffic=true)::
    local q = promql.new(config);
    local alert = config.alerts[name];
    local beyond = q.beyond(value, operator, q.threshold(name));
    self.new(config, name, {
      summary: summary,
      expr: if traffic then q.withTraffic(beyond, alert.window, name) else beyond,
      values: {
        value: '{{ $value | %s }}' % format,
        threshold: annotations.first(q, q.threshold(name, q.same), format),
      },
      measured: { value: annotations.first(q, '%s{%s}' % [value, std.join(', ', q.same)], format) },
      recordings: [$.threshold(config, name)] + if traffic then [
        $.setting(config, name, 'min_requests', function(from) std.get(from, 'min_requests')),
      ] else [],
    }),
}
