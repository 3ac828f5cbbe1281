"""The write door (HTTP): uploads, assets, playback ids. Writes rows and leaves; media work is the workers'."""
