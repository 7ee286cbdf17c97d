"""Finds Dovecot and Postfix for the tests, and gets Debian's packages when they are not there and this may be done."""

from steward_dev.packages import find_program, install, may_install

HOW_TO_GET_THEM = (
    "install Dovecot and Postfix (Debian: apt-get install dovecot-imapd dovecot-lmtpd postfix) as root "
    "and run `make test` again"
)


def find_dovecot() -> str | None:
    """The installed IMAP server."""
    return find_program("dovecot")


def find_postfix() -> str | None:
    """The installed SMTP server's master program; it runs for root only."""
    return find_program("postfix") if may_install() else None


def get_dovecot() -> str | None:
    """Like `find_dovecot`, but installs both servers when one is missing and this is root."""
    if may_install() and not (find_dovecot() and find_postfix()):
        print("Dovecot is not installed; getting it for its tests …", flush=True)
        install("dovecot-imapd", "dovecot-lmtpd", "postfix")
    return find_dovecot()


if __name__ == "__main__":
    print(get_dovecot() or "none")
