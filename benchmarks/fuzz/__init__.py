"""Damaged and absurd media files made from small good ones, and what probe, plan and encode make of them."""
