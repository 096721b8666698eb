// In which forms an incident may come: each severity with each policy that members of that
// severity or a milder one can bring, and its levels.
local escalation = import '../../lib/escalation.libsonnet';
local severities = import '../../lib/severities.libsonnet';

local categories(alerts) = std.set([alert.labels.category for alert in alerts]);

{
  of(config, name):: config.derived.cases(name),

  derive(config, name)::
    local members = [config.alerts[member] for member in config.correlation.rules[name].members];
    local used = [member.severity for member in members];
    local rank(member) = std.find(member.severity, severities)[0];
    local levels(policy, alerts) = escalation.levels(config, policy, std.foldl(
      std.max,
      [escalation.most(alert) for alert in alerts if alert.escalation == policy],
      1
    ));
    // i: of the severity. The member that brings it must not bring a stricter policy.
    local at(i) =
      local able = [member for member in members if member.enabled && rank(member) >= i];
      local policies = escalation.strictest(config, [member.escalation for member in able]);
      local brings(p) = std.length([
        member
        for member in able
        if rank(member) == i && !std.member(policies[:p], member.escalation)
      ]) > 0;
      if std.length(categories(able)) < 2 then []
      else [
        {
          severity: severities[i],
          worse: [worse for worse in severities[:i] if std.member(used, worse)],
          policy: policies[p],
          stricter: policies[:p],
          levels: levels(policies[p], able),
        }
        for p in std.range(0, std.length(policies) - 1)
        if brings(p)
      ];
    std.flatMap(at, std.range(0, std.length(severities) - 1)),
}
