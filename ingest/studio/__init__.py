"""The studio: pages for sellers and teachers, on the API's port below /studio/."""
