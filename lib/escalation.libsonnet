// One alert becomes one rule per escalation level: the same expression, due later.
// The level is a label that Alertmanager routes on. The clock is a series: when each alert began.
local duration = import 'duration.libsonnet';
local promql = import 'promql.libsonnet';
local text = import 'text.libsonnet';

{
  // The first levels of a policy, at most so many.
  levels(config, policy, max)::
    local levels = self.all(config, policy);
    levels[:std.min(max, std.length(levels))],

  // Every level of a policy that is in use at all.
  all(config, policy):: config.derived.levels(policy),

  derive_levels(config, policy)::
    local levels = config.escalation.policies[policy].levels;
    local delay(level, default) =
      local own = std.get(level, 'delay');
      if own != null then own else default;
    [
      levels[i] {
        level: std.toString(i + 1),
        // Delays add up: each level waits for the one before it. The first never waits.
        after: duration.sum(
          [
            delay(levels[j], if j == 0 then '0s' else config.escalation.default_delay)
            for j in std.range(0, i)
          ]
        ),
      }
      for i in std.range(0, if config.escalation.enabled then std.length(levels) - 1 else 0)
    ],

  // How many levels an alert of config.yaml may use.
  most(alert):: if alert.escalation_required then alert.max_escalation_levels else 1,

  // Policies from the strictest to the mildest: who pages first, then who is on Slack first, and
  // of equals the one with more levels.
  strictest(config, policies)::
    std.sort(std.set(policies), function(policy) config.derived.order(policy)),

  derive_order(config, policy)::
    local never = 1e9;
    local reached(channel) = std.foldl(
      function(soonest, level)
        if std.member(level.channels, channel) then std.min(soonest, duration.seconds(level.after))
        else soonest,
      self.all(config, policy),
      never
    );
    [reached(channel) for channel in ['pagerduty', 'slack', 'email']]
    + [-std.length(self.all(config, policy)), policy],

  // What a level adds to a rule, beside its expression.
  at(policy, level):: {
    labels+: { escalation_policy: policy, escalation_level: level.level },
    annotations+: { response_time: std.strReplace(level.response_time, '_', ' ') },
  },

  // rule: {alert, expr, keep_firing_for, labels, annotations} of the first level. recent: what was
  // beyond its threshold in the last minute, where that is known. lasts(level): what holds it though
  // it is over.
  escalate(config, scope, rule, alert, recent=null, lasts=function(level) '')::
    // Half a window of trouble is in the window for as long again.
    local still(level) = '  and on (%s)\n' % scope.by + |||
      # What is over is not escalated: the last minute is beyond the threshold too, or it has begun.
      (
      %(recent)s
      or
      ALERTS{alertname="%(name)s", alertstate="firing", escalation_level="%(level)s"}
      )
    ||| % { recent: text.chomped(recent), name: rule.alert, level: level.level };
    // A `for` would begin anew whenever the value touches its threshold, and a trouble that comes
    // and goes within its cooldown would never be escalated.
    local due(level) = {
      expr: |||
        (
        %s
        )
          and on (%s)
        # It began that long ago, and has not ended since.
        time() - %s >= %d
      ||| % [text.chomped(rule.expr), scope.by, promql.start(rule.alert), duration.seconds(level.after)]
      + (if recent == null then '' else still(level)),
    };
    local first = duration.given('for', alert['for']);
    [
      rule + self.at(alert.escalation, level) + (if level.level == '1' then first else due(level)) + {
        expr: text.chomped(super.expr) + lasts(level.level),
      }
      for level in self.levels(config, alert.escalation, self.most(alert))
    ],
}
