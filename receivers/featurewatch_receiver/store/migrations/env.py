"""What Alembic runs; `featurewatch_receiver.store.migrate` hands it the connection."""

from alembic import context

from featurewatch_receiver.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a column by copying its table
)
with context.begin_transaction():
    context.run_migrations()
