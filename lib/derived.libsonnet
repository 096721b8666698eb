// The configuration, and what is asked of it again and again: worked out once.
local audience = import 'audience.libsonnet';
local cases = import '../rules/correlation/cases.libsonnet';
local escalation = import 'escalation.libsonnet';
local told = import '../rules/correlation/told.libsonnet';

// By name, once for each. A list, since engines may make the fields of an object anew each time that
// they are read.
local once(names, of) =
  local made = [of(name) for name in names];
  function(name) made[std.find(name, names)[0]];

function(config)
  local policies = std.objectFields(config.escalation.policies);
  local incidents = std.objectFields(config.correlation.rules);
  local levels = once(policies, function(policy) escalation.derive_levels(this, policy)),
        order = once(policies, function(policy) escalation.derive_order(this, policy)),
        heard = once(policies, function(policy) audience.derive_heard(this, policy)),
        cases_of = once(incidents, function(name) cases.derive(this, name)),
        members = once(incidents, function(name) told.derive_members(this, name)),
        states = once(incidents, function(name) told.derive_states(this, name)),
        this = config {
          derived:: {
            levels: levels,
            order: order,
            heard: heard,
            cases: cases_of,
            members: members,
            states: states,
          },
        };
  this
