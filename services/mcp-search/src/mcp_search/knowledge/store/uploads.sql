-- When each person added documents lately; also of those that are gone again. Instants are microseconds since 1970.
CREATE TABLE IF NOT EXISTS upload (tenant TEXT NOT NULL, subject TEXT NOT NULL, uploaded_at BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS upload_by_person ON upload (tenant, subject, uploaded_at);
CREATE INDEX IF NOT EXISTS upload_by_instant ON upload (uploaded_at);
