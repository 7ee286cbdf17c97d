"""Mailboxes on IMAP servers (RFC 3501, 9051): a small client of our own, and the mailbox over it.

Our own because of what a mail server and a mail may do to a client: every text is sent as a literal, every answer has a
limit, a large part comes in pieces, and a call that is cancelled leaves no connection behind that is out of step.
"""
