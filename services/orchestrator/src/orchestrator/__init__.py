"""Runs turns: streams models, asks before tools act, keeps the record of what was done."""
