"""Run migrations on the connection that `database.migrate` hands over; Alembic executes this file."""

from alembic import context

from sentiprism.studio.store.tables import Table


def run() -> None:
    """Run what is missing, in one transaction."""
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=Table.metadata, transactional_ddl=True
    )
    with context.begin_transaction():
        context.run_migrations()


if hasattr(context, "config"):  # as it has while Alembic executes this file, and not when it is imported
    run()
