// Alerts of several categories that begin together become one alert, which mutes them
// (see alertmanager/inhibition.libsonnet) and carries the highest severity among them.
local alert = import '../../lib/alert.libsonnet';
local correlations = import '../../lib/correlations.libsonnet';
local duration = import '../../lib/duration.libsonnet';
local escalation = import '../../lib/escalation.libsonnet';
local cases = import 'cases.libsonnet';
local conditions = import 'conditions.libsonnet';
local members = import 'members.libsonnet';
local texts = import 'texts.libsonnet';
local told = import 'told.libsonnet';

local summaries = {
  FeatureExtractionLatencyCascade: '{{ $labels.extractor }}: latency, cache or resources are bad at once',
  FeatureExtractionErrorStorm: 'Errors and fallbacks of {{ $labels.extractor }} rise together',
};

// all: the alerts that are on, by name.
function(config, all)
  local rule(name, annotations, case, level) =
    local settings = config.correlation.rules[name];
    {
      alert: name,
      expr: conditions(config, name).of(case, level.level),
      labels: { category: 'correlation', type: name, severity: case.severity } + alert.resolution(settings),
      annotations: annotations,
    }
    + duration.given('keep_firing_for', settings.cooldown)
    + escalation.at(case.policy, level);
  local incident(name) =
    local annotations = texts(config, name, summaries[name]);
    members(config, name, all) + [told.record(config, name)] + [
      rule(name, annotations, case, level)
      for case in cases.of(config, name)
      for level in case.levels
    ];
  {
    names: correlations(config),
    rules: std.flatMap(incident, self.names),
  }
