"""A table as text for one kind of document."""
