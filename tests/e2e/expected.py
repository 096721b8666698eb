"""Whom the policies of config.yaml tell, and the times of short_times.yaml."""

Address = tuple[str, str]

TEAM = ("email", "monitoring-team@example.com")
TEAM_SLACK = ("slack", "#monitoring")
ON_CALL = ("email", "on-call@example.com")
ON_CALL_SLACK = ("slack", "#on-call")
ON_CALL_PAGER = ("pagerduty", "on_call_engineer")
MANAGER = ("email", "engineering-manager@example.com")
MANAGER_SLACK = ("slack", "#engineering-managers")
MANAGER_PAGER = ("pagerduty", "engineering_manager")

GROUP_WAIT = 3.0
#: Seconds; a busy machine scrapes, evaluates and sends late.
LATE = 12.0
