-- Invitations of new processes, one by the process's name: what the bureau's
-- person stated of it, what came under it, and that it was accepted.

-- +goose Up
CREATE TABLE invitations (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
