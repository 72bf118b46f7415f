-- Holds by decision and what ends them; what takes a release back, who has
-- confirmed it, and the products made of releases. parent is, of a lift, the
-- order's digest, and of a withdrawal or a confirmation, the run.

-- +goose Up
CREATE TABLE hold_orders (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE hold_lifts (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE withdrawals (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE confirmations (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE TABLE products (id TEXT NOT NULL, revision BIGINT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL, envelope TEXT NOT NULL, PRIMARY KEY (id, revision));
CREATE INDEX confirmations_parent ON confirmations (parent);
