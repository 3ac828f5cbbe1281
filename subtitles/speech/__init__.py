"""Audio -> words with times: voice activity, jobs, Whisper, guards."""
