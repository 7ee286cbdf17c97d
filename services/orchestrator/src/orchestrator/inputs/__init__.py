"""Questions to a person in the midst of a call: what to do about a lost answer, and what a tool server asks."""
