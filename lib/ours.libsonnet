// Of the rule groups of all composed mixins, those of featurewatch.
function(groups) [group for group in groups if std.startsWith(group.name, 'featurewatch.')]
