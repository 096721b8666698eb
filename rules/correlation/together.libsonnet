// That there is an incident: enough categories of members began together, or it is under way.
local duration = import '../../lib/duration.libsonnet';
local escalation = import '../../lib/escalation.libsonnet';
local promql = import '../../lib/promql.libsonnet';
local severities = import '../../lib/severities.libsonnet';
local firing = import 'firing.libsonnet';
local window = import 'window.libsonnet';

// Up to this word, from the worst or strictest on.
local upTo(words, word) = words[:std.find(word, words)[0] + 1];

function(config, name, case)
  local q = promql.new(config);
  local fires = firing(config, name);
  local strictest = escalation.strictest(config, std.objectFields(config.escalation.policies));
  |||
    # Two or more categories began within the window of the first one, or within the window of
    # the last one: an older trouble does not hide two that begin together.
    (
      count by (%(by)s) (
        %(activation)s
          - on (%(by)s) group_left ()
        min by (%(by)s) (%(activation)s)
          <= %(window)d
      ) >= 2
      or
      count by (%(by)s) (
        %(activation)s
          - on (%(by)s) group_left ()
        max by (%(by)s) (%(activation)s)
          >= -%(window)d
      ) >= 2
      or
      # It is under way, in a milder form: what joins it later belongs to it.
      group by (%(by)s) (%(begun)s)
        unless on (%(by)s)
      %(as_bad)s
    )
  ||| % {
    by: q.by,
    activation: q.activationOf(name),
    window: duration.seconds(window(config, name)),
    begun: fires.itself([fires.level('1')]),
    as_bad: fires.itself([
      fires.severity(upTo(severities, case.severity)),
      fires.policy(upTo(strictest, case.policy)),
    ]),
  }
