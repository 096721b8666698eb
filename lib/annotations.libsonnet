// Go template fragments for the annotations of alerts.
{
  // What a query gives, whose %%q stand for the identity of the alert (see scope in promql.libsonnet).
  samples(scope, query):: 'printf %s %s | query' % [std.escapeStringJson(query), scope.labels],

  // The first of them.
  first(scope, query, format)::
    '{{ with %s }}{{ . | first | value | %s }}{{ else }}unknown{{ end }}'
    % [self.samples(scope, query), format],

  // The first of them, a Unix time.
  time(scope, query)::
    '{{ with %s }}{{ (. | first | value | toTime).UTC.Format "2006-01-02 15:04:05 UTC" }}{{ end }}'
    % self.samples(scope, query),

  // Fill {placeholders} of a configured message.
  fill(message, values)::
    std.foldl(
      function(text, key) std.strReplace(text, '{%s}' % key, values[key]),
      std.objectFields(values),
      message
    ),
}
