"""CloudFront: an invalidation of `{prefix}*`, by the AWS client. Not tried against the vendor.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html
"""

import uuid
from dataclasses import dataclass, field

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core.errors import Transient
from origin.cdn.purge.purger import TIMEOUT_S, PurgeRefused, parts

_RETRYABLE = frozenset({"Throttling", "ThrottlingException", "TooManyInvalidationsInProgress", "ServiceUnavailable"})
_CLIENT = Config(connect_timeout=10, read_timeout=TIMEOUT_S, retries={"total_max_attempts": 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudFrontPurger:
    """The key's user needs cloudfront:CreateInvalidation on the distribution."""

    base_url: str
    distribution_id: str
    access_key: str
    secret_key: str = field(repr=False)
    api_url: str = ""

    async def purge(self, prefix: str) -> None:
        """Purge everything below a prefix. Raises Transient or PurgeRefused."""
        parts(prefix)
        session = aioboto3.Session(
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key, region_name="us-east-1"
        )
        batch = {"Paths": {"Quantity": 1, "Items": [f"{prefix}*"]}, "CallerReference": str(uuid.uuid4())}
        try:
            async with session.client("cloudfront", endpoint_url=self.api_url or None, config=_CLIENT) as client:
                await client.create_invalidation(DistributionId=self.distribution_id, InvalidationBatch=batch)
        except ClientError as exc:
            status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            retryable = status >= 500 or exc.response.get("Error", {}).get("Code") in _RETRYABLE
            raise (Transient if retryable else PurgeRefused)(f"CloudFront: {exc}") from exc
        except (BotoCoreError, OSError, TimeoutError) as exc:
            raise Transient(f"CloudFront could not be reached: {exc!r}") from exc
