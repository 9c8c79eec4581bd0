"""Models behind an HTTP endpoint: what all protocols share.

`settings` reads options, `address` takes URLs and keys apart, `prepare` makes the media parts, `patience` retries,
`model` keeps a bounded number of requests in flight.
"""

from mma_bench.models.endpoint.model import EndpointModel, Reply, Request
from mma_bench.models.endpoint.patience import TemporaryError
from mma_bench.models.endpoint.prepare import Part
from mma_bench.models.endpoint.settings import EndpointSettings

__all__ = ["EndpointModel", "EndpointSettings", "Part", "Reply", "Request", "TemporaryError"]
