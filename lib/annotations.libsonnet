// Go template fragments for the annotations of alerts.
local text = import 'text.libsonnet';

{
  // Of a time in UTC.
  date: '.UTC.Format "2006-01-02 15:04:05 UTC"',

  // What a query gives, whose %%q stand for the identity of the alert (see scope in promql.libsonnet).
  samples(scope, query):: 'printf %s %s | query' % [text.quoted(query), scope.labels],

  // The first of them.
  first(scope, query, format, otherwise='unknown')::
    '{{ with %s }}{{ . | first | value | %s }}{{ else }}%s{{ end }}'
    % [self.samples(scope, query), format, otherwise],

  // The first of them, a Unix time.
  time(scope, query)::
    '{{ with %s }}{{ (. | first | value | toTime)%s }}{{ end }}' % [self.samples(scope, query), self.date],

  // Each of them as `text` writes it, in the order of a label.
  listed(samples, label, text, otherwise='')::
    '{{ range $i, $each := %s | sortByLabel "%s" }}{{ if $i }}, {{ end }}%s{{ else }}%s{{ end }}'
    % [samples, label, text, otherwise],

  // Fill {placeholders} of a configured message.
  fill(message, values)::
    std.foldl(
      function(all, key) std.strReplace(all, '{%s}' % key, values[key]),
      std.objectFields(values),
      message
    ),
}
