"""The studio: a local web application over the same folders as the command line."""
