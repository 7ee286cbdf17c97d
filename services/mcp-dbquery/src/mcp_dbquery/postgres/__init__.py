"""PostgreSQL: views that keep the rules, a login that can read nothing else, and a guard in front of both."""
