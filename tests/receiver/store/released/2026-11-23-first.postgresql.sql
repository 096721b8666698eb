SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
COMMENT ON SCHEMA public IS 'standard public schema';
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.alerts (
    episode_id text NOT NULL,
    fingerprint text NOT NULL,
    level integer NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone
);
CREATE TABLE public.audit (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    act text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL,
    detail json
);
CREATE SEQUENCE public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_id_seq OWNED BY public.audit.id;
CREATE TABLE public.episode_notifications (
    id bigint NOT NULL,
    episode_id text NOT NULL,
    level integer NOT NULL,
    at timestamp with time zone NOT NULL,
    receiver text NOT NULL,
    status text NOT NULL
);
CREATE SEQUENCE public.episode_notifications_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.episode_notifications_id_seq OWNED BY public.episode_notifications.id;
CREATE TABLE public.episodes (
    id text NOT NULL,
    identity text NOT NULL,
    alertname text NOT NULL,
    extractor text,
    severity text,
    labels json NOT NULL,
    annotations json NOT NULL,
    escalation_level integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    acknowledged_at timestamp with time zone,
    acknowledged_by text,
    acknowledged_reason text,
    first_acknowledged_at timestamp with time zone,
    silenced_at timestamp with time zone,
    silenced_by text,
    inhibited_at timestamp with time zone,
    resolved_by text,
    resolved_reason text
);
CREATE TABLE public.leases (
    id text NOT NULL,
    episode_id text,
    alertname text,
    target text NOT NULL,
    action text NOT NULL,
    changed_to json NOT NULL,
    back_to json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    quiet_since timestamp with time zone,
    waits_for text,
    steps integer NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    ended_by text
);
CREATE TABLE public.remediation_steps (
    id bigint NOT NULL,
    remediation_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    state text NOT NULL,
    reason text,
    detail text
);
CREATE SEQUENCE public.remediation_steps_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.remediation_steps_id_seq OWNED BY public.remediation_steps.id;
CREATE TABLE public.remediations (
    id text NOT NULL,
    episode_id text,
    action text NOT NULL,
    target text,
    state text NOT NULL,
    reason text,
    plan json,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    origin text NOT NULL,
    requested_by text,
    approved_by text,
    queued integer NOT NULL,
    back_to json,
    values_before json,
    values_after json,
    hold_id text,
    waiting_since timestamp with time zone,
    acted_at timestamp with time zone,
    done_at timestamp with time zone
);
CREATE TABLE public.switches (
    name text NOT NULL,
    engaged boolean NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by text NOT NULL,
    reason text NOT NULL
);
ALTER TABLE ONLY public.audit ALTER COLUMN id SET DEFAULT nextval('public.audit_id_seq'::regclass);
ALTER TABLE ONLY public.episode_notifications ALTER COLUMN id SET DEFAULT nextval('public.episode_notifications_id_seq'::regclass);
ALTER TABLE ONLY public.remediation_steps ALTER COLUMN id SET DEFAULT nextval('public.remediation_steps_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0002');
INSERT INTO public.alerts VALUES ('e', 'fingerprint of it', 1, '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+00');
INSERT INTO public.audit VALUES (1, '2026-01-02 03:04:05.678+00', 'actor of it', 'act of it', 'subject of it', 'reason of it', '{"word": "\u00fcbel"}');
INSERT INTO public.episode_notifications VALUES (1, 'e', 1, '2026-01-02 03:04:05.678+00', 'receiver of it', 'status of it');
INSERT INTO public.episodes VALUES ('e', 'identity of it', 'alertname of it', 'extractor of it', 'severity of it', '{"word": "\u00fcbel"}', '{"word": "\u00fcbel"}', 1, '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+00', 'acknowledged_by of it', 'acknowledged_reason of it', '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+00', 'silenced_by of it', '2026-01-02 03:04:05.678+00', 'resolved_by of it', 'resolved_reason of it');
INSERT INTO public.leases VALUES ('e', 'e', 'alertname of it', 'target of it', 'action of it', '{"word": "\u00fcbel"}', '{"word": "\u00fcbel"}', '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+00', 'waits_for of it', 1, '2026-01-02 03:04:05.678+00', 'end_reason of it', 'ended_by of it');
INSERT INTO public.remediation_steps VALUES (1, 'e', '2026-01-02 03:04:05.678+00', 'actor of it', 'state of it', 'reason of it', 'detail of it');
INSERT INTO public.remediations VALUES ('e', 'e', 'action of it', 'target of it', 'state of it', 'reason of it', '{"word": "\u00fcbel"}', '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+00', 'origin of it', 'requested_by of it', 'approved_by of it', 1, '{"word": "\u00fcbel"}', '{"word": "\u00fcbel"}', '{"word": "\u00fcbel"}', 'hold_id of it', '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+00');
INSERT INTO public.switches VALUES ('name of it', false, '2026-01-02 03:04:05.678+00', 'changed_by of it', 'reason of it');
SELECT pg_catalog.setval('public.audit_id_seq', 1, false);
SELECT pg_catalog.setval('public.episode_notifications_id_seq', 1, false);
SELECT pg_catalog.setval('public.remediation_steps_id_seq', 1, false);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (episode_id, fingerprint);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.episode_notifications
    ADD CONSTRAINT episode_notifications_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.episodes
    ADD CONSTRAINT episodes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.remediation_steps
    ADD CONSTRAINT remediation_steps_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.remediations
    ADD CONSTRAINT remediations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.switches
    ADD CONSTRAINT switches_pkey PRIMARY KEY (name);
CREATE INDEX episodes_by_identity ON public.episodes USING btree (identity, resolved_at);
CREATE INDEX episodes_by_start ON public.episodes USING btree (started_at);
CREATE INDEX ix_audit_at ON public.audit USING btree (at);
CREATE INDEX ix_episode_notifications_episode_id ON public.episode_notifications USING btree (episode_id);
CREATE INDEX ix_remediation_steps_remediation_id ON public.remediation_steps USING btree (remediation_id);
CREATE INDEX ix_remediations_episode_id ON public.remediations USING btree (episode_id);
CREATE UNIQUE INDEX one_lease_per_change ON public.leases USING btree (target, action) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX one_open_episode ON public.episodes USING btree (identity) WHERE (resolved_at IS NULL);
CREATE INDEX remediations_by_target ON public.remediations USING btree (target, state);
CREATE INDEX remediations_by_time ON public.remediations USING btree (created_at);
ALTER TABLE ONLY public.alerts
    ADD CONSTRAINT alerts_episode_id_fkey FOREIGN KEY (episode_id) REFERENCES public.episodes(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.episode_notifications
    ADD CONSTRAINT episode_notifications_episode_id_fkey FOREIGN KEY (episode_id) REFERENCES public.episodes(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.remediation_steps
    ADD CONSTRAINT remediation_steps_remediation_id_fkey FOREIGN KEY (remediation_id) REFERENCES public.remediations(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.remediations
    ADD CONSTRAINT remediations_episode_id_fkey FOREIGN KEY (episode_id) REFERENCES public.episodes(id) ON DELETE CASCADE;
