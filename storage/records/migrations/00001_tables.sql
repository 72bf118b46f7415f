-- One table a kind of record, all of one form. A row is one revision of a
-- record and never changes: body is what it says, envelope the signed statement
-- that said so, as it came, and parent what it belongs to.

-- +goose Up
CREATE TABLE orgs (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE users (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE processes (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE catalogue (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE licences (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE applications (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE decisions (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE permits (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE programs (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE runs (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE commits (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE opens (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE INDEX decisions_parent ON decisions (parent);
CREATE INDEX runs_parent ON runs (parent);
CREATE INDEX commits_parent ON commits (parent);
CREATE INDEX opens_parent ON opens (parent);
