-- What people said in cases, the papers that cases name, the rules of the city
-- and the days: rows that never change. The tables case_index, case_seen,
-- case_todo and case_docs are a projection of case_events and nothing else:
-- Rebuild makes them anew.

-- +goose Up
CREATE TABLE case_events (id TEXT NOT NULL, seq BIGINT NOT NULL, digest TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, seq));
CREATE TABLE papers (digest TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (digest));
CREATE TABLE paper_puts (digest TEXT NOT NULL, key TEXT NOT NULL, size BIGINT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (digest, key));
CREATE INDEX paper_puts_key ON paper_puts (key);
CREATE TABLE profiles (digest TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (digest));
CREATE TABLE publications (digest TEXT NOT NULL, key TEXT NOT NULL, prior TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (digest, key, prior));
CREATE TABLE enactments (seq BIGINT NOT NULL, digest TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (seq));
CREATE TABLE calendars (seq BIGINT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (seq));

CREATE TABLE case_index (
  id TEXT NOT NULL, kind TEXT NOT NULL, channel TEXT NOT NULL, title TEXT NOT NULL, profile TEXT NOT NULL, year BIGINT NOT NULL, operator TEXT NOT NULL,
  opener_role TEXT NOT NULL, opener_org TEXT NOT NULL, stage TEXT NOT NULL, zh TEXT NOT NULL, en TEXT NOT NULL, phase TEXT NOT NULL, outcome TEXT NOT NULL,
  head TEXT NOT NULL, opened BIGINT NOT NULL, updated BIGINT NOT NULL, timer TEXT NOT NULL, due BIGINT NOT NULL, provisional BIGINT NOT NULL, events BIGINT NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX case_index_operator ON case_index (kind, operator, year);
CREATE INDEX case_index_kind ON case_index (kind, id);
CREATE TABLE case_seen (role TEXT NOT NULL, org TEXT NOT NULL, kind TEXT NOT NULL, phase TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (role, org, id));
CREATE INDEX case_seen_kind ON case_seen (role, org, kind, id);
CREATE INDEX case_seen_phase ON case_seen (role, org, phase, id);
CREATE INDEX case_seen_id ON case_seen (id);
CREATE TABLE case_todo (role TEXT NOT NULL, org TEXT NOT NULL, due BIGINT NOT NULL, id TEXT NOT NULL, provisional BIGINT NOT NULL, PRIMARY KEY (role, org, due, id));
CREATE INDEX case_todo_id ON case_todo (id);
CREATE TABLE case_docs (digest TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (digest, id));
CREATE INDEX case_docs_id ON case_docs (id);
