"""Settings: declared once, and loaded from flags, environment variables and a file."""
