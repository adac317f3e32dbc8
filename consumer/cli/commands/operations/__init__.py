"""Commands that operate, check and alert."""
