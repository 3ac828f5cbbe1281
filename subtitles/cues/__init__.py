"""Words with times -> cues that people can read; chapters and search. Pure."""
