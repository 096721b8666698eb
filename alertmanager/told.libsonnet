// Routes of an incident that people had been told of before it began, by a member or in a milder
// form: whoever heard of that hears on from it, and is told nothing twice.
local audience = import '../lib/audience.libsonnet';
local promql = import '../lib/promql.libsonnet';
local cases = import '../rules/correlation/cases.libsonnet';
local told = import '../rules/correlation/told.libsonnet';
local receivers = import 'receivers.libsonnet';

// names: incidents. policy: what they are under.
function(config, names, policy)
  local states = [
    state
    for name in names
    for case in cases.of(config, name)
    if case.policy == policy
    for state in told.before(config, name, case)
  ];
  local place(state) = [state.policy, state.level];
  // By what had been told: a level of a policy.
  local before = [
    [state for state in states if place(state) == each]
    for each in std.set(std.map(place, states))
  ];
  local levels(state) = [std.toString(level) for level in std.range(1, state.level)];
  // Those who have not heard of it. Under the same policy that is a matter of the level.
  local others(set, state) =
    std.setDiff(set.addresses, audience.up_to(config, state.policy, state.level));
  local sets(state) = [
    set { rest: others(set, state), name: receivers.after(policy, set.levels, state.policy, state.level) }
    for set in audience.of(config, policy)
  ];
  local affected(state) = std.any([set.rest != set.addresses for set in sets(state)]);
  {
    // Who is left of those that hear of the same levels, where some are.
    people: [
      { name: set.name, addresses: set.rest, levels: set.levels, policy: policy }
      for these in before
      for set in sets(these[0])
      if these[0].policy != policy && set.rest != set.addresses && set.rest != []
    ],

    // route(set, receiver): what such a receiver is told.
    routes(route): [
      if these[0].policy == policy then {
        receiver: receivers.nobody,
        matchers: [told.matcher(these), promql.oneOf('escalation_level', levels(these[0]))],
      } else {
        receiver: receivers.nobody,
        matchers: [told.matcher(these)],
        routes: [
          route(set, if set.rest == set.addresses then null else set.name)
          for set in sets(these[0])
          if set.rest != []
        ],
      }
      for these in before
      if these[0].policy == policy || affected(these[0])
    ],
  }
