// Alertmanager's configuration with the paths at which the Operator mounts what it names:
// the keys of the configuration's own Secret, and those of each Secret in `spec.secrets`.
local config_folder = '/etc/alertmanager/config';
local secrets_folder = '/etc/alertmanager/secrets';

local files(node) =
  if std.isArray(node) then std.flatMap(files, node)
  else if std.isObject(node) then std.flatMap(
    function(key) if std.endsWith(key, '_file') then [node[key]] else files(node[key]),
    std.objectFields(node)
  )
  else [];

// A path below a Secret's folder is kept; any other file becomes a key of the one Secret.
local mounted(secret, path) =
  local parts = std.split(path, '/');
  if std.startsWith(path, secrets_folder + '/') && std.length(parts) == 6 then path
  else std.join('/', [secrets_folder, secret, parts[std.length(parts) - 1]]);

local moved(secret, node) =
  if std.isArray(node) then [moved(secret, item) for item in node]
  else if std.isObject(node) then {
    [key]:
      if std.endsWith(key, '_file') then mounted(secret, node[key]) else moved(secret, node[key])
    for key in std.objectFields(node)
  }
  else node;

// Plain data: an engine that does not cache fields would compute each one again and again.
local plain(node) = std.parseJson(std.toString(node));

function(generated, secret)
  local alertmanager = plain(generated);
  local paths = std.set(files(alertmanager));
  local kept = std.set([mounted(secret, path) for path in paths]);
  assert std.length(kept) == std.length(paths) :
         'two secret files have one name, and would be one key of the Secret %s: %s'
         % [secret, std.join(', ', paths)];
  plain(moved(secret, alertmanager)) { templates: [config_folder + '/*.tmpl'] }
