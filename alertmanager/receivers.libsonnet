// Alertmanager's receivers: one or two for those who hear of the same levels of a policy, and the one
// that remediates.
local audience = import '../lib/audience.libsonnet';
local pruned = import '../lib/pruned.libsonnet';

local template(name, of='.') = '{{ template "featurewatch.%s" %s }}' % [name, of];
// Of the alert that stands for its group (see templates/common.tmpl).
local first(text) =
  '{{ $alerts := or .Alerts.Firing .Alerts.Resolved }}{{ $top := index $alerts 0 }}{{ $told := "" }}'
  + '{{ range $alerts }}{{ with .Labels.told }}{{ $told = . }}{{ end }}{{ end }}{{ $most := "" }}'
  + '{{ range $alerts }}{{ $incident := eq .Labels.category "correlation" }}'
  + '{{ $rank := printf "%t %s %t" (or (eq .Status "firing") $incident'
  + ' (eq $told (printf "%s/%s" .Labels.alertname .Labels.escalation_level)))'
  + ' .Labels.escalation_level $incident }}'
  + '{{ if gt $rank $most }}{{ $most = $rank }}{{ $top = . }}{{ end }}{{ end }}'
  + '{{ with $top }}' + text + '{{ end }}';
local of_alert(name) = first(template(name));
local detail(expression) =
  first('{{ template "featurewatch.pagerduty.detail" (%s) }}' % expression);
// One faulty address may cost a whole message, and Slack takes 3000 characters. So what is no web
// address gives way to `otherwise`. The class is printable ASCII without "<>\.
local web_address = '^https?://[!#-;=?-\\[\\]-~]{1,1000}$';
local link(annotation, otherwise='') = first(
  '{{ if match `%s` .Annotations.%s }}{{ .Annotations.%s }}{{ else }}%s{{ end }}'
  % [web_address, annotation, annotation, otherwise]
);

{
  remediation: 'featurewatch-receiver',
  // Where alerts end that are for no person.
  nobody: 'nobody',
  signal_names: ['Watchdog', 'FeaturewatchMaintenance', 'FeaturewatchCooldown'],

  // How a client checks the receiver and shows who it is; keys that are null are left out.
  tls(config)::
    if std.get(config.receiver, 'client_tls') == null then {}
    else { tls_config: pruned(config.receiver.client_tls) },

  remediates(config):: config.channels.dashboard.enabled || config.responses.enabled,

  signals(config):: if self.remediates(config) then self.remediation else self.nobody,

  // The labels of the alerts that these levels of a policy tell people of.
  told(alerts, policy, levels):: [
    labels
    for labels in alerts
    if labels.escalation_policy == policy && std.member(levels, labels.escalation_level)
  ],

  // Whether the end of any of them is not told.
  unresolved(alerts, policy, levels)::
    std.any([std.objectHas(labels, 'auto_resolve') for labels in self.told(alerts, policy, levels)]),

  // resolves=false names the receiver of alerts whose end is not told to people.
  ending(name, resolves):: name + if resolves then '' else '-unresolved',

  name(policy, levels, resolves=true)::
    local which = if std.length(levels) > 1 then 'levels' else 'level';
    self.ending('%s-%s-%s' % [policy, which, std.join('-', levels)], resolves),

  // Of those who had not heard of it, when it was told before at this level of another policy.
  after(policy, levels, other, level)::
    '%s-after-%s-level-%d' % [self.name(policy, levels), other, level],

  // Everyone whom the first level of the default policy tells, for what no policy claims.
  fallback(config)::
    local first = [set for set in audience.of(config, 'default') if std.member(set.levels, '1')];
    if std.length(first) == 1 then self.name('default', first[0].levels) else 'fallback',

  new(config):: {
    local channels = config.channels,
    local reach(addresses, channel) =
      [config.recipients[name] for name in audience.recipients(addresses, channel)],
    local dashboard = { text: 'Dashboard', annotation: 'dashboard_url', otherwise: config.links.grafana },
    local console = { text: 'Console', annotation: 'console_url', otherwise: config.links.console },
    local runbook = { text: 'Runbook', annotation: 'runbook_url', otherwise: config.links.runbook },
    local there(links) = [to for to in links if to.otherwise != null],
    local links = there([runbook, dashboard, console]),
    local main = there([dashboard, console, runbook])[0],

    email(addresses, resolves):: [
      {
        to: recipient.email,
        send_resolved: resolves,
        headers: { Subject: template('email.subject') },
        html: template('email.html'),
        text: template('email.text'),
      }
      for recipient in reach(addresses, 'email')
    ],

    slack(addresses, resolves):: [
      {
        api_url_file: std.get(recipient, 'slack_api_url_file'),
        channel: recipient.slack,
        send_resolved: resolves,
        username: 'featurewatch',
        color: template('slack.color'),
        local mention = std.get(recipient, 'slack_mention'),
        pretext: if mention != null then '{{ if eq .Status "firing" }}%s{{ end }}' % mention,
        mrkdwn_in: ['pretext'],
        title: template('slack.title'),
        title_link: link(main.annotation, main.otherwise),
        fallback: template('slack.title'),
        text: template('slack.text'),
        fields: [
          field { short: true }
          for field in [
            { title: 'Severity', value: of_alert('slack.severity') },
            { title: template('subject.kind'), value: template('slack.subject') },
            { title: 'Value', value: of_alert('slack.value') },
            { title: 'Escalation level', value: of_alert('slack.level') },
            { title: 'Response expected', value: of_alert('slack.response_time') },
            { title: 'Since', value: of_alert('slack.since') },
            { title: template('slack.duration.title'), value: of_alert('slack.duration') },
          ]
        ],
        actions: [
          { type: 'button', text: to.text, url: link(to.annotation, to.otherwise) }
          for to in links
        ] + [{ type: 'button', text: 'Silence', url: template('silence_url') }],
      }
      for recipient in reach(addresses, 'slack')
    ],

    pagerduty(addresses, resolves):: [
      {
        routing_key_file: recipient.pagerduty_routing_key_file,
        url: channels.pagerduty.url,
        send_resolved: resolves,
        client: 'featurewatch',
        client_url: link('console_url', '{{ $.ExternalURL }}'),
        source: template('subject'),
        severity: of_alert('pagerduty.severity'),
        description: template('title'),
        component: template('subject'),
        class: of_alert('class'),
        details: {
          summary: detail('.Annotations.summary'),
          description: detail('or .Annotations.description .Annotations.message .Annotations.summary (join ", " .Labels.Values)'),
          value: detail('.Annotations.value'),
          threshold: detail('.Annotations.threshold'),
          evidence: detail('.Annotations.evidence'),
          severity: detail('.Labels.severity'),
          extractor: detail('.Labels.extractor'),
          since: detail('or .Annotations.since (.StartsAt.UTC.Format "2006-01-02 15:04:05 UTC")'),
          duration: detail('.Annotations.duration'),
          escalation_policy: detail('.Labels.escalation_policy'),
          escalation_level: detail('.Labels.escalation_level'),
          response_time: detail('.Annotations.response_time'),
          // Alertmanager's own two list every label and annotation; num_firing and num_resolved stay.
          firing: '{{ if .Alerts.Firing }}%s{{ end }}' % template('pagerduty.list'),
          resolved: '{{ if not .Alerts.Firing }}%s{{ end }}' % template('pagerduty.list'),
        },
        // Alertmanager leaves out a link without address.
        links: [
          { href: link(to.annotation), text: to.text }
          for to in links
        ] + [{ href: template('silence_url'), text: 'Silence' }],
      }
      for recipient in reach(addresses, 'pagerduty')
    ],

    people(name, addresses, resolves=true):: {
      name: name,
      email_configs: this.email(addresses, resolves),
      slack_configs: this.slack(addresses, resolves),
      pagerduty_configs: this.pagerduty(addresses, resolves),
    },
    local this = self,

    remediation:: {
      name: $.remediation,
      webhook_configs: [{
        url: config.receiver.url + '/api/v1/webhook/alertmanager',
        send_resolved: true,
        http_config: {
          authorization: { type: 'Bearer', credentials_file: config.receiver.token_file },
        } + $.tls(config),
      }],
    },
  },
}
