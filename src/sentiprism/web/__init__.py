"""Parts that web applications share: checks before every request, bodies within limits, the server itself."""
