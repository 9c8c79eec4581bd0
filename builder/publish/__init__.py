"""Publish a dataset on a hub: show what would change, upload, commit once, tag."""

from builder.publish.upload import Publication, publish_dataset

__all__ = ["Publication", "publish_dataset"]
