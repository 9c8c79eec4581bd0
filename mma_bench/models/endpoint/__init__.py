"""Models behind an HTTP endpoint: what all protocols share.

`settings` reads options, `address` takes URLs and keys apart, `prepare` makes the media parts, `hosting` offers them by
URL, `patience` retries, `passes` keeps a bounded number of requests in flight, `key_scrubber` keeps the key out of all
that a server says, `advice` says what to try.
"""

from mma_bench.models.endpoint.exchange import Reply, Request
from mma_bench.models.endpoint.model import EndpointModel
from mma_bench.models.endpoint.patience import TemporaryError
from mma_bench.models.endpoint.prepare import Part
from mma_bench.models.endpoint.settings import EndpointSettings

__all__ = ["EndpointModel", "EndpointSettings", "Part", "Reply", "Request", "TemporaryError"]
