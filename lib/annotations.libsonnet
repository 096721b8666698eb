// Go template fragments for the annotations of alerts.
{
  // What a query gives, whose %%q stand for the identity of the alert's extractor (q.same).
  samples(q, query):: 'printf %s %s | query' % [std.escapeStringJson(query), q.labels],

  // The first of them.
  first(q, query, format)::
    '{{ with %s }}{{ . | first | value | %s }}{{ else }}unknown{{ end }}'
    % [self.samples(q, query), format],

  // Fill {placeholders} of a configured message.
  fill(message, values)::
    std.foldl(
      function(text, key) std.strReplace(text, '{%s}' % key, values[key]),
      std.objectFields(values),
      message
    ),
}
