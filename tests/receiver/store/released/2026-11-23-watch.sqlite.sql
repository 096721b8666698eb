BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE alerts (
	episode_id TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	level INTEGER NOT NULL, 
	starts_at DATETIME NOT NULL, 
	ends_at DATETIME, 
	PRIMARY KEY (episode_id, fingerprint), 
	FOREIGN KEY(episode_id) REFERENCES episodes (id) ON DELETE CASCADE
);
INSERT INTO "alerts" VALUES('e','fingerprint of it',1,'2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor TEXT NOT NULL, 
	act TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail JSON, 
	PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'2026-01-02 03:04:05.678000','actor of it','act of it','subject of it','reason of it','{"word": "\u00fcbel"}');
CREATE TABLE episode_notifications (
	id INTEGER NOT NULL, 
	episode_id TEXT NOT NULL, 
	level INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	receiver TEXT NOT NULL, 
	status TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(episode_id) REFERENCES episodes (id) ON DELETE CASCADE
);
INSERT INTO "episode_notifications" VALUES(1,'e',1,'2026-01-02 03:04:05.678000','receiver of it','status of it');
CREATE TABLE episodes (
	id TEXT NOT NULL, 
	identity TEXT NOT NULL, 
	alertname TEXT NOT NULL, 
	extractor TEXT, 
	severity TEXT, 
	labels JSON NOT NULL, 
	annotations JSON NOT NULL, 
	escalation_level INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	resolved_at DATETIME, acknowledged_at DATETIME, acknowledged_by TEXT, acknowledged_reason TEXT, first_acknowledged_at DATETIME, silenced_at DATETIME, silenced_by TEXT, inhibited_at DATETIME, resolved_by TEXT, resolved_reason TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "episodes" VALUES('e','identity of it','alertname of it','extractor of it','severity of it','{"word": "\u00fcbel"}','{"word": "\u00fcbel"}',1,'2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000','acknowledged_by of it','acknowledged_reason of it','2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000','silenced_by of it','2026-01-02 03:04:05.678000','resolved_by of it','resolved_reason of it');
CREATE TABLE leases (
	id TEXT NOT NULL, 
	episode_id TEXT, 
	alertname TEXT, 
	target TEXT NOT NULL, 
	action TEXT NOT NULL, 
	changed_to JSON NOT NULL, 
	back_to JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	quiet_since DATETIME, 
	waits_for TEXT, 
	steps INTEGER NOT NULL, 
	ended_at DATETIME, 
	end_reason TEXT, 
	ended_by TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "leases" VALUES('e','e','alertname of it','target of it','action of it','{"word": "\u00fcbel"}','{"word": "\u00fcbel"}','2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000','waits_for of it',1,'2026-01-02 03:04:05.678000','end_reason of it','ended_by of it');
CREATE TABLE remediation_steps (
	id INTEGER NOT NULL, 
	remediation_id TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	actor TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	detail TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(remediation_id) REFERENCES remediations (id) ON DELETE CASCADE
);
INSERT INTO "remediation_steps" VALUES(1,'e','2026-01-02 03:04:05.678000','actor of it','state of it','reason of it','detail of it');
CREATE TABLE "remediations" (
	id TEXT NOT NULL, 
	episode_id TEXT, 
	action TEXT NOT NULL, 
	target TEXT, 
	state TEXT NOT NULL, 
	reason TEXT, 
	"plan" JSON, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	finished_at DATETIME, 
	origin TEXT NOT NULL, 
	requested_by TEXT, 
	approved_by TEXT, 
	queued INTEGER NOT NULL, 
	back_to JSON, 
	values_before JSON, 
	values_after JSON, 
	hold_id TEXT, 
	waiting_since DATETIME, 
	acted_at DATETIME, 
	done_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(episode_id) REFERENCES episodes (id) ON DELETE CASCADE
);
INSERT INTO "remediations" VALUES('e','e','action of it','target of it','state of it','reason of it','{"word": "\u00fcbel"}','2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000','origin of it','requested_by of it','approved_by of it',1,'{"word": "\u00fcbel"}','{"word": "\u00fcbel"}','{"word": "\u00fcbel"}','hold_id of it','2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000');
CREATE TABLE switches (
	name TEXT NOT NULL, 
	engaged BOOLEAN NOT NULL, 
	changed_at DATETIME NOT NULL, 
	changed_by TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "switches" VALUES('name of it',0,'2026-01-02 03:04:05.678000','changed_by of it','reason of it');
CREATE TABLE watch (
	name TEXT NOT NULL, 
	heard_at DATETIME, 
	since DATETIME, 
	looked_at DATETIME, 
	looked_by TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "watch" VALUES('name of it','2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000','2026-01-02 03:04:05.678000','looked_by of it');
CREATE TABLE watch_told (
	path TEXT NOT NULL, 
	told_at DATETIME NOT NULL, 
	PRIMARY KEY (path)
);
INSERT INTO "watch_told" VALUES('path of it','2026-01-02 03:04:05.678000');
CREATE UNIQUE INDEX one_open_episode ON episodes (identity) WHERE resolved_at IS NULL;
CREATE INDEX episodes_by_identity ON episodes (identity, resolved_at);
CREATE INDEX episodes_by_start ON episodes (started_at);
CREATE INDEX ix_remediation_steps_remediation_id ON remediation_steps (remediation_id);
CREATE INDEX remediations_by_target ON remediations (target, state);
CREATE INDEX ix_remediations_episode_id ON remediations (episode_id);
CREATE INDEX remediations_by_time ON remediations (created_at);
CREATE INDEX ix_episode_notifications_episode_id ON episode_notifications (episode_id);
CREATE UNIQUE INDEX one_lease_per_change ON leases (target, action) WHERE ended_at IS NULL;
CREATE INDEX ix_audit_at ON audit (at);
COMMIT;
