"""Alembic's entry: runs migrations over the service's own engine."""

from alembic import context

from frontend.accounts import models as account_models
from frontend.api_keys import models as api_key_models
from frontend.api_sessions import models as api_session_models
from frontend.database import Base, Database
from frontend.oauth_server import models as agent_models
from frontend.sign_in import models as sign_in_models
from frontend.tenants import models as tenant_models

TABLES = (
    account_models,
    agent_models,
    api_key_models,
    api_session_models,
    sign_in_models,
    tenant_models,
)
"""Imported so that their tables are known to the metadata that migrations are compared with."""

database = Database(context.config.attributes["database_url"])
with database.engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
database.engine.dispose()
