-- Numbers are the file's own; ids are what the rest of the system knows. Instants are microseconds since 1970.
-- Vectors are in tables for each model (vectors_N, signs_N) and words in one for each tenant (words_N): vectors of different
-- models are never compared, and how rare a word is among one tenant's texts tells nothing about another's.
-- `changes` grows with everything that may change what searches find.
CREATE TABLE tenant (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, changes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE model (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, dimension INTEGER NOT NULL, UNIQUE (name, dimension)
);
-- A set of keys that lets readers in; sets that are equal are one.
CREATE TABLE audience (number INTEGER PRIMARY KEY, keys TEXT NOT NULL UNIQUE);
CREATE TABLE audience_key (
    key TEXT NOT NULL, audience INTEGER NOT NULL REFERENCES audience (number), PRIMARY KEY (key, audience)
) WITHOUT ROWID;
CREATE TABLE collection (
    number INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    model INTEGER NOT NULL REFERENCES model (number),
    readers INTEGER NOT NULL REFERENCES audience (number),
    editors TEXT NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, name_key)
);
CREATE TABLE document (
    number INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    collection INTEGER NOT NULL REFERENCES collection (number) ON DELETE CASCADE,
    readers INTEGER REFERENCES audience (number),
    newest INTEGER NOT NULL,
    ready INTEGER,
    UNIQUE (tenant, id)
);
CREATE INDEX document_of_collection ON document (collection);
CREATE TABLE version (
    number INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES document (number) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    media_type TEXT NOT NULL,
    octets INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_by_name TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    progress REAL NOT NULL,
    reason TEXT NOT NULL,
    warnings TEXT NOT NULL,
    pages INTEGER,
    characters INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    source_url TEXT NOT NULL,
    metadata TEXT NOT NULL,
    curated INTEGER NOT NULL,
    UNIQUE (document, version)
);
CREATE INDEX version_by_content ON version (sha256);
CREATE TABLE metadata (
    version INTEGER NOT NULL REFERENCES version (number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (version, name)
) WITHOUT ROWID;
CREATE TABLE original (
    version INTEGER PRIMARY KEY REFERENCES version (number) ON DELETE CASCADE, content BLOB NOT NULL
);
-- The text in pieces, so that a passage of a long one is read without the rest.
CREATE TABLE piece (
    version INTEGER NOT NULL REFERENCES version (number) ON DELETE CASCADE,
    begins INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (version, begins)
) WITHOUT ROWID;
CREATE TABLE page (
    version INTEGER NOT NULL REFERENCES version (number) ON DELETE CASCADE,
    page INTEGER NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    PRIMARY KEY (version, page)
) WITHOUT ROWID;
CREATE TABLE chunk (
    number INTEGER PRIMARY KEY,
    version INTEGER NOT NULL REFERENCES version (number) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    page INTEGER,
    headings TEXT NOT NULL,
    body TEXT NOT NULL,
    embedded_text TEXT NOT NULL,
    UNIQUE (version, ordinal)
);
CREATE TABLE passage (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    chunk INTEGER NOT NULL UNIQUE REFERENCES chunk (number) ON DELETE CASCADE,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
-- Whose vector a chunk has.
CREATE TABLE embedded (
    chunk INTEGER PRIMARY KEY REFERENCES chunk (number) ON DELETE CASCADE,
    model INTEGER NOT NULL REFERENCES model (number)
);
CREATE TABLE gap (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    question_key TEXT NOT NULL,
    question TEXT NOT NULL,
    asked_as TEXT NOT NULL,
    asked INTEGER NOT NULL,
    first_asked_at INTEGER NOT NULL,
    last_asked_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    answer_id TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, question_key)
) WITHOUT ROWID;
CREATE INDEX gap_by_last_asked ON gap (tenant, state, last_asked_at);
