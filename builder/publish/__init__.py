"""Put a dataset on a hub: say what would change, upload, commit at once, tag."""

from builder.publish.upload import Publication, publish_dataset

__all__ = ["Publication", "publish_dataset"]
