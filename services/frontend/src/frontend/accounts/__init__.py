"""People, tenants and what they may do."""
