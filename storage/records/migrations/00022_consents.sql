-- Consents of data subjects, by their ids: which paper was put last by the
-- provider of the dataset that it is about.

-- +goose Up
CREATE TABLE consents (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
