"""Parts of `kadr bench thumbnails`: planted videos, other ways to choose, tables and contact sheets."""
