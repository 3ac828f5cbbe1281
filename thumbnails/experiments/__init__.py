"""The statistics of poster experiments: shares of impressions, and which candidate is best. Pure."""
