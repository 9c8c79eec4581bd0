"""Stage `review`: people accept or reject clips on a page, and the build applies their decisions."""

from builder.review.settings import ReviewSettings

__all__ = ["ReviewSettings"]
