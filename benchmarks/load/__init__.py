"""The load of people: sessions and playlists, reads of the API, uploads that are begun and aborted."""
