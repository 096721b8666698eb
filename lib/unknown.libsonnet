// Complaints about keys that the model of config.yaml does not know, by the schema that is
// generated from it. Values and names are checked by `featurewatch generate` alone.
local schema = std.parseJson(importstr '../config.schema.json');

local follow(node) =
  if '$ref' in node then schema['$defs'][std.split(node['$ref'], '/')[2]] else node;

// What an object may look like; a key that may be null, or one of several kinds, has a choice.
local shapes(node) =
  local options = if 'anyOf' in node then node.anyOf else if 'oneOf' in node then node.oneOf else [node];
  [shape for shape in std.map(follow, options) if 'type' in shape && shape.type == 'object'];

local complaints(value, node, path) =
  if std.isArray(value) && 'items' in node then
    std.flattenArrays([complaints(item, node.items, path) for item in value])
  else if std.isObject(value) then
    local found = [in_shape(value, shape, path) for shape in shapes(follow(node))];
    // Of several shapes, the one that was meant.
    if found == [] then [] else std.sort(found, std.length)[0]
  else [],

      in_shape(value, shape, path) =
  local known = if 'properties' in shape then shape.properties else {};
  // Of names that are free to choose: by a pattern, or whatever else there is.
  local others =
    if 'patternProperties' in shape then std.objectValues(shape.patternProperties)[0]
    else if 'additionalProperties' in shape then shape.additionalProperties
    else true;
  std.flattenArrays([
    if key in known then complaints(value[key], known[key], path + [key])
    else if std.isObject(others) then complaints(value[key], others, path + [key])
    else if others then []
    else ['%s has no key %s; write one of: %s' % [
      std.join('.', path),
      key,
      std.join(', ', std.objectFields(known)),
    ]]
    for key in std.objectFields(value)
  ]);

function(config) complaints(config, schema, ['_config', 'featurewatch'])
