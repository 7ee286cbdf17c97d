/** Mail as shared/wire/mail.py says it. */

export interface MailAddress {
  name: string;
  spec: string;
}

export interface MailFile {
  name: string;
  media_type: string;
  size: number;
}

export interface MailShown {
  sender: MailAddress;
  to: MailAddress[];
  cc: MailAddress[];
  bcc: MailAddress[];
  reply_to: MailAddress | null;
  subject: string;
  body: string;
  html: boolean;
  attachments: MailFile[];
  warnings: string[];
}

export interface MailboxAccount {
  name: string;
  address: string;
}

export interface MailFolder {
  name: string;
  role: string | null;
  total: number | null;
  unread: number | null;
}

export interface MailEntry {
  id: string;
  folder: string;
  sender: MailAddress | null;
  to: MailAddress[];
  subject: string;
  date: string | null;
  received: string;
  flags: string[];
  has_attachments: boolean;
  snippet: string;
}

export interface MailEntries {
  mails: MailEntry[];
  next_cursor: string | null;
}

export interface MailLink {
  text: string;
  url: string;
  host_mismatch: boolean;
}

export interface MailRead {
  id: string;
  folder: string;
  sender: MailAddress | null;
  to: MailAddress[];
  cc: MailAddress[];
  reply_to: MailAddress[];
  subject: string;
  date: string | null;
  received: string;
  flags: string[];
  warnings: string[];
  text: string;
  next_offset: number | null;
  links: MailLink[];
  attachments: MailFile[];
}
