"""Questions to a person that must be answered before a call is sent."""
