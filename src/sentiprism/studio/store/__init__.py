"""The studio's database: recordings, jobs, sessions and settings."""
