"""Text tracks of a title: recognised speech -> words -> cues -> caption files, translations, chapters and search.

In: a sound track of an upload and a Whisper model, or the text tracks inside an upload, or words with times. Out:
transcripts, `core.media.encoded.Cue`s, SubRip text, chapters, matches of a search. Models and decoders run in child
processes inside the sandbox; all else is pure.

Refuses words that are no words (`Rejected` not_words) and a model folder that cannot work (`ConfigError`). A title
without sound, speech or a model is no failure: transcription answers `Skipped` with the reason. Nothing recognised is
ever left out: doubtful segments are flagged. Stores nothing and knows no database.

| part | modules | |---|---| | speech | transcribe (the call), speech, speech_child (voice activity), transcribe_child
(Whisper), jobs, guards, transcript, languages | | models | model (finds one), model_fetch (downloads one) | | cues |
words, layout, breaks, spans, cues, scripts | | file formats | srt (writes SubRip) | | tracks in uploads | embedded (the
call), embedded_child, embedded_text, closed_captions | | translation | sentences, translate, translate_child | | use of
cues | chapters, search |
"""
