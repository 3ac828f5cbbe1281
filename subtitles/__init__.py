"""Text tracks of a title: recognised speech -> words -> cues -> caption files, translations, chapters and search.

In: an audio track of an upload and a Whisper model, or the text tracks inside an upload, or words with times. Out:
transcripts, `core.media.encoded.Cue`s, SubRip text, chapters, matches of a search. Models and decoders run in child
processes inside the sandbox; all else is pure.

Refuses a word list of another form (`Rejected` not_words) and an incomplete model folder (`ConfigError`). A title
without audio, speech or a model is no failure: transcription answers `Skipped` with the reason. Nothing recognised is
ever left out: doubtful segments are flagged. Stores nothing and knows no database.

subtitles.speech: audio -> words, with Whisper. subtitles.cues: words -> cues, chapters, search. subtitles.formats:
WebVTT and SubRip files. subtitles.embedded: text tracks in uploads. subtitles.translation: cues in another language.
"""
