// An alert that a worse one muted is told to nobody while only its own cooldown, which is longer,
// holds it: its value has been well for longer than the worse one's cooldown.
local cooldowns = import '../lib/cooldowns.libsonnet';
local promql = import '../lib/promql.libsonnet';
local signal = import 'signal.libsonnet';

// alerts: those that are on, by name; identities: their labels.
function(config, alerts, identities)
  local held(name, worse) =
    local by = promql.scope(identities[name]).by;
    local fires(names) = 'ALERTS{%s, alertstate="firing"}' % promql.oneOf('alertname', names);
    signal(
      config,
      'FeaturewatchCooldown',
      'cooldown',
      |||
        # It fires,
        group by (%(by)s) (%(held)s)
          and on (%(by)s)
        # so does a worse one, or did within its cooldown,
        group by (%(by)s) (last_over_time(%(worse)s[%(cooldown)s]))
          unless on (%(by)s)
        # and its own value is well.
        (
        %(beyond)s
        )
      ||| % {
        by: by,
        held: fires([name]),
        worse: fires(worse),
        cooldown: config.alerts[name].cooldown,
        beyond: alerts[name].beyond,
      },
      { held: name },
      'Only its cooldown holds %s' % name
    );
  [held(pair.key, pair.value) for pair in std.objectKeysValues(cooldowns(config, identities))]
