"""The one way a start ends early: a sentence that says what is wrong and what to do."""


class CannotStart(Exception):
    """The message is all the person is shown."""
