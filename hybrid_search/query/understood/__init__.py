"""Parts of a typed text that mean more than words: dates, cameras, places, people, kinds of files, settings."""
