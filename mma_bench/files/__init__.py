"""Files that people write: settings."""
