// From an entry of config.yaml and an expression to the rules of one alert.
local annotations = import 'annotations.libsonnet';
local escalation = import 'escalation.libsonnet';
local promql = import 'promql.libsonnet';

{
  links(config, name):: {
    runbook_url: config.links.runbook + name,
    dashboard_url: config.links.grafana
                   + '/d/featurewatch-overview?var-extractor={{ $labels.extractor | urlquery }}',
  },

  // One threshold per extractor: the overrides win, since `or` keeps its left side.
  // Every extractor that has one of the metrics gets one.
  thresholds(config, name, metrics=['requests_total'], pick=function(t) t, labels={})::
    local q = promql.new(config);
    local alert = config.alerts[name];
    local at(value, matchers) =
      '%s * group by (%s) (%s)'
      % [promql.number(pick(value)), q.by, q.anyOf(metrics, matchers)];
    [{
      record: 'featurewatch:threshold',
      expr: std.join('\nor\n', [
        at(alert.overrides[extractor].threshold, ['extractor=%s' % std.escapeStringJson(extractor)])
        for extractor in std.objectFields(alert.overrides)
      ] + [at(alert.threshold, [])]),
      labels: { alert: name } + labels,
    }],

  rules(config, name, summary, expr, values)::
    local alert = config.alerts[name];
    escalation.escalate(config, {
      alert: name,
      expr: expr,
      'for': alert['for'],
      keep_firing_for: alert.cooldown,
      labels: alert.labels { severity: alert.severity },
      annotations: $.links(config, name) + {
        summary: summary,
        description: annotations.fill(alert.message, values { extractor: '{{ $labels.extractor }}' }),
        value: values.value,
        threshold: values.threshold,
      },
    }, alert.escalation, alert.max_escalation_levels),

  // An alert about one measured value with one threshold.
  single(config, name, summary, value, operator, format)::
    local q = promql.new(config);
    local alert = config.alerts[name];
    {
      thresholds: $.thresholds(config, name),
      alerts: $.rules(
        config,
        name,
        summary,
        q.withTraffic(q.beyond(value, operator, q.threshold(name)), alert.window, alert.min_requests),
        {
          value: '{{ $value | %s }}' % format,
          threshold: annotations.first(q, q.threshold(name, q.same), format),
        }
      ),
    },
}
