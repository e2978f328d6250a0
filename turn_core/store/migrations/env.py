"""Alembic environment: one transaction on the connection that `migrate` hands over."""

from alembic import context

from turn_core.store.columns import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
# The caller began the transaction (with the lock in it) and commits it.
with context.begin_transaction():
    context.run_migrations()
