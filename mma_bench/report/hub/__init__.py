"""What the authors of a model put into its repository on a hub: results as YAML, and a part of its card."""
