"""Alembic's migrations, which run when the studio starts."""
