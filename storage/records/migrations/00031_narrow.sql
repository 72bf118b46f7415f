-- What a gate asks before every run, found without going through everything:
-- entries of the catalogue by the dataset that they are of (sheets is a projection
-- of papers: Rebuild makes it anew), runs by their scenario, and the first case.

-- +goose Up
CREATE TABLE sheets (dataset TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (dataset, digest));
CREATE INDEX sheets_digest ON sheets (digest);
CREATE INDEX case_index_opened ON case_index (opened);
CREATE INDEX applications_parent ON applications (parent);
UPDATE applications SET parent = json_extract(body, '$.terms.scenario') WHERE parent = '';
