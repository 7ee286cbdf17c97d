"""A few documents of an invented organisation, so that there is something to ask for at once."""
