"""The organisation's own documents: taken in, found again, cited."""
