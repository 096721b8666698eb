// Alerts of several categories that begin together become one alert, which mutes them
// (see alertmanager/inhibition.libsonnet) and carries the highest severity among them.
local alert = import '../lib/alert.libsonnet';
local annotations = import '../lib/annotations.libsonnet';
local duration = import '../lib/duration.libsonnet';
local escalation = import '../lib/escalation.libsonnet';
local promql = import '../lib/promql.libsonnet';

local severities = ['critical', 'high', 'medium', 'low'];

function(config)
  local q = promql.new(config);
  local vars(name) =
    local rule = config.correlation.rules[name];
    {
      by: q.by,
      activation: q.activation,
      name: name,
      members: std.join('|', rule.members),
      window: duration.seconds(
        local own = std.get(rule, 'window');
        if own != null then own else config.correlation.window
      ),
    };
  local activation(name) = {
    record: q.activation,
    expr: |||
      # When each category of the firing members began, as a Unix time.
      min by (%(by)s, category) (
        ALERTS_FOR_STATE{alertname=~"%(members)s", escalation_level="1"}
        and ignoring (alertstate)
        ALERTS{alertname=~"%(members)s", escalation_level="1", alertstate="firing"}
      )
    ||| % vars(name),
    labels: { correlation: name },
  };
  local together(name) = |||
    # Two or more categories began within the window of the first one, or within the window of
    # the last one: an older trouble does not hide two that begin together.
    (
      count by (%(by)s) (
        %(activation)s{correlation="%(name)s"}
          - on (%(by)s) group_left ()
        min by (%(by)s) (%(activation)s{correlation="%(name)s"})
          <= %(window)d
      ) >= 2
      or
      count by (%(by)s) (
        %(activation)s{correlation="%(name)s"}
          - on (%(by)s) group_left ()
        max by (%(by)s) (%(activation)s{correlation="%(name)s"})
          >= -%(window)d
      ) >= 2
    )
  ||| % vars(name);
  local firing(name, severity) =
    'ALERTS{alertname=~"%s", alertstate="firing", severity="%s"}' % [vars(name).members, severity];
  local begins(name, severity, worse) =
    together(name)
    + '  and on (%s)\n%s\n' % [q.by, firing(name, severity)]
    + std.join('', ['  unless on (%s)\n%s\n' % [q.by, firing(name, w)] for w in worse]);
  local lasts(name, severity) = |||
    or
    # Once begun, it lasts until its last member ends: nobody is told of the same trouble again.
    count by (%(by)s) (%(activation)s{correlation="%(name)s"})
      and on (%(by)s)
    ALERTS{alertname="%(name)s", severity="%(severity)s", alertstate="firing"}
  ||| % (vars(name) { severity: severity });
  local members(name) =
    '{{ range $i, $member := printf %s $labels.extractor | query }}{{ if $i }}, {{ end }}{{ $member.Labels.alertname }}{{ end }}'
    % std.escapeStringJson(
      'group by (alertname) (ALERTS{alertname=~"%s", alertstate="firing", extractor=%%q})'
      % vars(name).members
    );
  local rule(name, summary, severity, worse) =
    local settings = config.correlation.rules[name];
    local values = {
      extractor: '{{ $labels.extractor }}',
      window: duration.format(vars(name).window),
    };
    escalation.escalate(config, {
      alert: name,
      expr: begins(name, severity, worse) + lasts(name, severity),
      'for': '0s',
      keep_firing_for: settings.cooldown,
      labels: { category: 'correlation', type: name, severity: severity },
      annotations: alert.links(config, name) + {
        summary: summary,
        description: annotations.fill(settings.message, values) + ': ' + members(name),
        value: members(name),
        threshold: 'two kinds of trouble within ' + values.window,
      },
    }, settings.escalation, std.length(config.escalation.policies[settings.escalation].levels));
  local rules(name, summary) =
    local used = std.set([config.alerts[m].severity for m in config.correlation.rules[name].members]);
    [activation(name)] + std.flattenArrays([
      rule(name, summary, severities[i], [w for w in severities[:i] if std.setMember(w, used)])
      for i in std.range(0, std.length(severities) - 1)
      if std.setMember(severities[i], used)
    ]);
  local all = {
    FeatureExtractionLatencyCascade: rules(
      'FeatureExtractionLatencyCascade',
      'Latency, cache or resources of {{ $labels.extractor }} fail together'
    ),
    FeatureExtractionErrorStorm: rules(
      'FeatureExtractionErrorStorm',
      'Errors and fallbacks of {{ $labels.extractor }} rise together'
    ),
  };
  if !config.correlation.enabled then []
  else std.flattenArrays([
    all[name]
    for name in std.objectFields(all)
    if config.correlation.rules[name].enabled
  ])
