"""Stage `review`: people accept or reject clips on a page of their own, and the build follows them."""

from builder.review.settings import ReviewSettings

__all__ = ["ReviewSettings"]
