"""Run migrations on the connection that `database.migrate` hands over; Alembic executes this file."""

from alembic import context

from sentiprism.studio.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
