"""Reads mails: their structure, headers and text. Pure and bounded; foreign text comes out clean, and is still data."""
