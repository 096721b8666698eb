// As std.prune: without nulls, and without lists and objects in which nothing else is. With that the
// C++ jsonnet makes each value anew for each object around it.
local is_content(value) =
  if std.isArray(value) || std.isObject(value) then std.length(value) > 0 else value != null;

local pruned(value) =
  if std.isArray(value) then std.filter(is_content, std.map(pruned, value))
  else if std.isObject(value) then
    // A list, which keeps what was made of each.
    local kept = [[key, pruned(value[key])] for key in std.objectFields(value)];
    { [pair[0]]: pair[1] for pair in kept if is_content(pair[1]) }
  else value;

pruned
