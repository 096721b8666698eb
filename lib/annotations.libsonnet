// Go template fragments for the annotations of alerts.
{
  // The first sample of a query about the alert's extractor. %%s stands for its name.
  query(selector, format)::
    '{{ with printf %s $labels.extractor | query }}{{ . | first | value | %s }}{{ else }}unknown{{ end }}'
    % [std.escapeStringJson(selector), format],

  // Fill {placeholders} of a configured message.
  fill(message, values)::
    std.foldl(
      function(text, key) std.strReplace(text, '{%s}' % key, values[key]),
      std.objectFields(values),
      message
    ),
}
