"""Parts of `kadr bench subtitles`: speech, rules, other ways to make cues."""
