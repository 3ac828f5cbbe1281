"""What search engines and other people's sites read of titles. Only what core.listing calls listed is named unasked."""
