"""Tool servers of others that an admin has added for a tenant, and people's sign-ins there."""
