"""The studio's pages, and what keeps them from anybody but the user."""
