-- The same tables as schema.sql of SQLite. Vectors are in a table for each model (vectors_N), made when its first
-- collection is; words are in one table, and how rare a word is gets counted among one tenant's texts alone.
CREATE TABLE schema_version (version BIGINT NOT NULL);
-- `changes` grows with everything that may change what searches find.
CREATE TABLE tenant (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE, changes BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE model (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL, dimension BIGINT NOT NULL, UNIQUE (name, dimension)
);
-- A set of keys that lets readers in; sets that are equal are one.
CREATE TABLE audience (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, keys TEXT NOT NULL UNIQUE);
CREATE TABLE audience_key (
    key TEXT NOT NULL, audience BIGINT NOT NULL REFERENCES audience (number), PRIMARY KEY (key, audience)
);
CREATE TABLE collection (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    model BIGINT NOT NULL REFERENCES model (number),
    readers BIGINT NOT NULL REFERENCES audience (number),
    editors TEXT NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, name_key)
);
CREATE TABLE document (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    collection BIGINT NOT NULL REFERENCES collection (number) ON DELETE CASCADE,
    readers BIGINT REFERENCES audience (number),
    newest BIGINT NOT NULL,
    ready BIGINT,
    UNIQUE (tenant, id)
);
CREATE INDEX document_of_collection ON document (collection);
CREATE TABLE version (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document BIGINT NOT NULL REFERENCES document (number) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    media_type TEXT NOT NULL,
    octets BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_by_name TEXT NOT NULL,
    uploaded_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    progress DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    warnings TEXT NOT NULL,
    pages BIGINT,
    characters BIGINT NOT NULL,
    chunks BIGINT NOT NULL,
    source_url TEXT NOT NULL,
    metadata TEXT NOT NULL,
    curated BIGINT NOT NULL,
    UNIQUE (document, version)
);
CREATE INDEX version_by_content ON version (sha256);
CREATE TABLE metadata (
    version BIGINT NOT NULL REFERENCES version (number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (version, name)
);
CREATE TABLE original (
    version BIGINT PRIMARY KEY REFERENCES version (number) ON DELETE CASCADE, content BYTEA NOT NULL
);
-- The text in pieces, so that a passage of a long one is read without the rest.
CREATE TABLE piece (
    version BIGINT NOT NULL REFERENCES version (number) ON DELETE CASCADE,
    begins BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (version, begins)
);
CREATE TABLE page (
    version BIGINT NOT NULL REFERENCES version (number) ON DELETE CASCADE,
    page BIGINT NOT NULL,
    begins BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    PRIMARY KEY (version, page)
);
CREATE TABLE chunk (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version BIGINT NOT NULL REFERENCES version (number) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    begins BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    page BIGINT,
    headings TEXT NOT NULL,
    body TEXT NOT NULL,
    embedded_text TEXT NOT NULL,
    UNIQUE (version, ordinal)
);
CREATE TABLE passage (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    chunk BIGINT NOT NULL UNIQUE REFERENCES chunk (number) ON DELETE CASCADE,
    PRIMARY KEY (tenant, id)
);
-- Whose vector a chunk has.
CREATE TABLE embedded (
    chunk BIGINT PRIMARY KEY REFERENCES chunk (number) ON DELETE CASCADE,
    model BIGINT NOT NULL REFERENCES model (number)
);
CREATE TABLE gap (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    question_key TEXT NOT NULL,
    question TEXT NOT NULL,
    asked_as TEXT NOT NULL,
    asked BIGINT NOT NULL,
    first_asked_at BIGINT NOT NULL,
    last_asked_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    answer_id TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, question_key)
);
CREATE INDEX gap_by_last_asked ON gap (tenant, state, last_asked_at);
CREATE TABLE wording (
    chunk BIGINT PRIMARY KEY REFERENCES chunk (number) ON DELETE CASCADE,
    tenant BIGINT NOT NULL REFERENCES tenant (number),
    version BIGINT NOT NULL,
    words TSVECTOR NOT NULL
);
CREATE INDEX wording_of_version ON wording (version);
CREATE INDEX wording_by_word ON wording USING gin (words) WITH (fastupdate = off);
