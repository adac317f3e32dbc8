"""The page as HTML and as one file, with its data and links."""
