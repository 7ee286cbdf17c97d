"""The web: searched through several providers, and read one page at a time behind a guard."""
