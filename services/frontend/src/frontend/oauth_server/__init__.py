"""The authorization server for agents of other makers: they ask a person for rights at one of our tool servers."""
