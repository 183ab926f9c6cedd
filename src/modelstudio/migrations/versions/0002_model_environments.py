"""Which environment a model's predictor needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model_versions", sa.Column("environment", sa.String(length=100), nullable=True))


def downgrade() -> None:
    op.drop_column("model_versions", "environment")
