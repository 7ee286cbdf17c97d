"""Standing grants: a yes that holds for longer, for one person, one tool and certain arguments."""
