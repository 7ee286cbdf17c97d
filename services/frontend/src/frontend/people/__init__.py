"""The people of an organisation, as its administrators see them, and everybody's own account as data."""
