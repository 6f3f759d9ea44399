"""Alembic's migrations: `versions/` in order. `bot.store.migration` runs them."""
