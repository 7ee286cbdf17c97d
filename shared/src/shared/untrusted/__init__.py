"""Text that others wrote, as far as a person would see it: invisible characters, CSS that hides, deep nesting."""
