"""Models behind an HTTP endpoint: what all protocols share.

`settings` reads options, `address` separates URLs and keys, `prepare` makes the media parts, `hosting` serves them by
URL, `patience` retries, `passes` keeps a bounded number of requests in flight, `key_scrubber` removes the key from
everything that a server returns, and `advice` suggests what to try after a failure.
"""

from mma_bench.models.endpoint.exchange import Reply, Request
from mma_bench.models.endpoint.model import EndpointModel
from mma_bench.models.endpoint.part import Part
from mma_bench.models.endpoint.patience import TemporaryError
from mma_bench.models.endpoint.settings import EndpointSettings

__all__ = ["EndpointModel", "EndpointSettings", "Part", "Reply", "Request", "TemporaryError"]
