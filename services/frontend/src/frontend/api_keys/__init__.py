"""Keys of an organisation for its programs."""
