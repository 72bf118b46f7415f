-- Reports that were handed in, by the digest of the statement that did; how each
-- was checked; and what officers have declared. Their parents are the organisation.

-- +goose Up
CREATE TABLE duty_reports (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE duty_attests (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE declarations (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE INDEX duty_reports_parent ON duty_reports (parent);
