-- A mail's id is its mailbox's id times 2^32 plus its uid, so that a range of ids is a mailbox. Uids grow with
-- received_at: the newest mail is the one with the highest id, and a page's end stays where it was when mail arrives.
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    account TEXT NOT NULL,
    address TEXT NOT NULL,
    address_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    last_uid INTEGER NOT NULL DEFAULT 0,
    used_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, subject, account)
);
CREATE TABLE folder (
    id INTEGER PRIMARY KEY,
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id),
    name TEXT NOT NULL,
    role TEXT,
    UNIQUE (mailbox_id, name)
);
CREATE TABLE mail (
    id INTEGER PRIMARY KEY,
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id),
    folder_id INTEGER NOT NULL REFERENCES folder (id),
    message_id TEXT NOT NULL,
    base_subject TEXT NOT NULL,
    is_reply INTEGER NOT NULL,
    received_at REAL NOT NULL,
    size INTEGER NOT NULL,
    is_seen INTEGER NOT NULL,
    is_flagged INTEGER NOT NULL DEFAULT 0,
    is_answered INTEGER NOT NULL DEFAULT 0,
    has_attachments INTEGER NOT NULL,
    envelope TEXT NOT NULL
);
CREATE INDEX mail_in_folder ON mail (folder_id, is_seen, id);
CREATE INDEX mail_by_day ON mail (mailbox_id, received_at);
CREATE INDEX mail_by_subject ON mail (mailbox_id, base_subject, received_at);
CREATE TABLE structure (
    mail_id INTEGER PRIMARY KEY REFERENCES mail (id),
    leaves TEXT NOT NULL,
    is_cut INTEGER NOT NULL,
    header_bytes INTEGER NOT NULL
);
CREATE TABLE chunk (
    mail_id INTEGER NOT NULL REFERENCES mail (id),
    number INTEGER NOT NULL,
    octets BLOB NOT NULL,
    UNIQUE (mail_id, number)
);
CREATE TABLE mention (
    mailbox_id INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    mail_id INTEGER NOT NULL REFERENCES mail (id),
    is_own INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, message_id, mail_id)
) WITHOUT ROWID;
CREATE INDEX mention_of_mail ON mention (mail_id);
CREATE TABLE recipient (
    mailbox_id INTEGER NOT NULL,
    address_key TEXT NOT NULL,
    mail_id INTEGER NOT NULL REFERENCES mail (id),
    PRIMARY KEY (mailbox_id, address_key, mail_id)
) WITHOUT ROWID;
CREATE INDEX recipient_of_mail ON recipient (mail_id);
CREATE TABLE outside (
    id INTEGER PRIMARY KEY,
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id),
    received_at REAL NOT NULL,
    recipients TEXT NOT NULL,
    size INTEGER NOT NULL,
    octets BLOB NOT NULL
);
CREATE INDEX outside_of_mailbox ON outside (mailbox_id, id);
-- The text of each mail, folded. Apart from the index, so that it is read of mails that fit otherwise only.
CREATE TABLE text (
    mail_id INTEGER PRIMARY KEY REFERENCES mail (id),
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL
);
-- Which three letters in a row stand in which mail. What it finds is compared letter by letter afterwards.
CREATE VIRTUAL TABLE words USING fts5 (
    sender, recipients, subject, body, content = 'text', content_rowid = 'mail_id',
    detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1'
);
-- The letters that it has.
CREATE VIRTUAL TABLE letters USING fts5vocab (words, row);
