"""A project tracker to try the server with: two client organisations and several thousand rows."""
