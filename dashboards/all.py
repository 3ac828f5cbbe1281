"""All dashboards."""

from dashboards.delivery import DELIVERY
from dashboards.pipeline import PIPELINE
from dashboards.service import SERVICE

DASHBOARDS = (SERVICE, PIPELINE, DELIVERY)
