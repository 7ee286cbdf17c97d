"""Signing in without a browser: an access token for minutes, and a refresh token that is used once."""
