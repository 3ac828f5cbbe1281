"""Parts of `kadr bench subtitles --real`: clips whose words are known, and two systems that hear them."""
