// From an entry of config.yaml and an expression to the rules of one alert.
local annotations = import 'annotations.libsonnet';
local dashboard = import 'dashboard.libsonnet';
local duration = import 'duration.libsonnet';
local escalation = import 'escalation.libsonnet';
local number = import 'number.libsonnet';
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

  // Since when, and for how long. What began at this moment is recorded at the next, so that there
  // is always one sample.
  times(name, scope)::
    local start = 'max(%s)' % promql.start(name, scope.same);
    local one(query) = annotations.samples(scope, query) + ' | first | value';
    {
      since: '{{ (%s | toTime)%s }}' % [one(start + ' or vector(time())'), annotations.date],
      duration: '{{ %s | humanizeDuration }}' % one('time() - %s or vector(0)' % start),
    },

  // A setting as one series per extractor: the overrides win, since `or` keeps its left side. One
  // branch per value and not per extractor: a thousand branches are beyond what Prometheus joins.
  setting(config, name, record, pick, labels={})::
    local q = promql.new(config);
    local alert = config.alerts[name];
    local among(extractors, without=false) = promql.matcher('extractor', promql.regex(extractors), without);
    local at(value, matchers) =
      local where = if matchers == [] then '' else '{%s}' % std.join(', ', matchers);
      '%s * group by (%s) (%s%s)' % [value, q.by, q.instances, where];
    local overrides = std.objectKeysValues(alert.overrides);
    local off = [o.key for o in overrides if std.get(o.value, 'enabled') == false];
    local text(from) =
      local value = pick(from);
      if value == null then null else number.text(value);
    // Pairs, and each looked at once: there may be a thousand. Texts, which are equal only if the
    // numbers are.
    local all = [[o.key, text(o.value)] for o in overrides if std.get(o.value, 'enabled') != false];
    local own = [pair for pair in all if pair[1] != null];
    {
      record: 'featurewatch:' + record,
      // An extractor for which the alert is off has no threshold to be beyond of.
      expr: std.join('\nor\n', [
        at(value, [among([pair[0] for pair in own if pair[1] == value])])
        for value in std.set([pair[1] for pair in own])
      ] + [at(text(alert), if off == [] then [] else [among(off, without=true)])]),
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
  // judges, the values that it judges (see values.libsonnet); recordings, of its thresholds; exists,
  // whether there is anything for it to watch.
  new(config, name, parts)::
    local alert = config.alerts[name];
    local identity = std.get(parts, 'identity', config.metrics.identity);
    local scope = promql.scope(identity);
    local values = { [label]: '{{ $labels.%s }}' % label for label in identity } + parts.values;
    {
      exists: std.get(parts, 'exists', true),
      identity: identity,
      judges: std.get(parts, 'judges', []),
      recordings: std.get(parts, 'recordings', []),
      levels: escalation.escalate(config, scope, {
        alert: name,
        expr: parts.expr,
        labels: alert.labels { severity: alert.severity } + $.resolution(alert),
        annotations: $.links(config, name, identity) + $.times(name, scope) + {
          summary: parts.summary,
          description: annotations.fill(alert.message, values),
          value: values.value,
          threshold: values.threshold,
        },
      } + duration.given('keep_firing_for', alert.cooldown), alert),
    },

  // Alertmanager routes on it: only what does not resolve by itself is marked.
  resolution(alert):: if alert.auto_resolve then {} else { auto_resolve: 'false' },

  // An alert about one value of each extractor with one threshold.
  single(config, name, summary, value)::
    local q = promql.new(config);
    local window = config.alerts[name].window;
    local series = value.series(window);
    local beyond = q.beyond(series, if value.breach == 'above' then '>' else '<', q.threshold(name));
    self.new(config, name, {
      judges: [value],
      summary: summary,
      expr: if value.traffic then q.withTraffic(beyond, window, name) else beyond,
      values: {
        value: '{{ $value | %s }}' % value.format,
        threshold: annotations.first(q, q.threshold(name, q.same), value.format),
      },
      recordings: [$.threshold(config, name)] + if value.traffic then [
        $.setting(config, name, 'min_requests', function(from) std.get(from, 'min_requests')),
      ] else [],
    }),
}
