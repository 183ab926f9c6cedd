"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "builds",
    "dataset_tables",
    "resources",
    "server_secrets",
    "users",
    "dataset_branches",
    "dataset_schemas",
    "jobs",
    "model_studios",
    "models",
    "role_grants",
    "tokens",
    "dataset_transactions",
    "experiments",
    "job_logs",
    "job_workers",
    "model_versions",
    "studio_config_versions",
    "studio_runs",
    "dataset_files",
    "experiment_parameters",
    "experiment_series",
    "experiment_summary_metrics",
    "experiment_tables",
    "experiment_series_chunks",
)


def upgrade() -> None:
    _builds()
    _dataset_tables()
    _resources()
    _server_secrets()
    _users()
    _dataset_branches()
    _dataset_schemas()
    _jobs()
    _model_studios()
    _models()
    _role_grants()
    _tokens()
    _dataset_transactions()
    _experiments()
    _job_logs()
    _job_workers()
    _model_versions()
    _studio_config_versions()
    _studio_runs()
    _dataset_files()
    _experiment_parameters()
    _experiment_series()
    _experiment_summary_metrics()
    _experiment_tables()
    _experiment_series_chunks()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _builds() -> None:
    op.create_table(
        "builds",
        sa.Column("rid", sa.String(length=128), nullable=False),
        sa.Column("subject_rid", sa.String(length=128), nullable=False),
        sa.Column("branch", sa.String(length=1000), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("rid", name=op.f("pk_builds")),
    )


def _dataset_tables() -> None:
    op.create_table(
        "dataset_tables",
        sa.Column("view_key", sa.String(length=64), nullable=False),
        sa.Column("blob_key", sa.String(length=100), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("view_key", name=op.f("pk_dataset_tables")),
    )
    op.create_index(op.f("ix_dataset_tables_used_at"), "dataset_tables", ["used_at"], unique=False)


def _resources() -> None:
    op.create_table(
        "resources",
        sa.Column("rid", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column(
            "display_name",
            sa.String(length=700).with_variant(sa.String(length=700, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("parent_rid", sa.String(length=128), nullable=True),
        sa.Column("project_rid", sa.String(length=128), nullable=True),
        sa.Column("space_rid", sa.String(length=128), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=36), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("trashed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_rid"], ["resources.rid"], name=op.f("fk_resources_parent_rid")
        ),
        sa.ForeignKeyConstraint(
            ["project_rid"], ["resources.rid"], name=op.f("fk_resources_project_rid")
        ),
        sa.ForeignKeyConstraint(
            ["space_rid"], ["resources.rid"], name=op.f("fk_resources_space_rid")
        ),
        sa.PrimaryKeyConstraint("rid", name=op.f("pk_resources")),
    )
    op.create_index(op.f("ix_resources_parent_rid"), "resources", ["parent_rid"], unique=False)
    # An entry of a PostgreSQL index is shorter than the longest name, so there it holds a digest.
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "uq_resources_parent_rid_md5_display_name",
            "resources",
            ["parent_rid", sa.text("md5(display_name)")],
            unique=True,
            postgresql_where=sa.text("trashed_at IS NULL"),
        )
    else:
        op.create_index(
            "uq_resources_parent_rid_display_name",
            "resources",
            ["parent_rid", "display_name"],
            unique=True,
            sqlite_where=sa.text("trashed_at IS NULL"),
        )


def _server_secrets() -> None:
    op.create_table(
        "server_secrets",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_server_secrets")),
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )


def _dataset_branches() -> None:
    op.create_table(
        "dataset_branches",
        sa.Column("dataset_rid", sa.String(length=128), nullable=False),
        sa.Column(
            "name",
            sa.String(length=500).with_variant(sa.String(length=500, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("transaction_rid", sa.String(length=128), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_rid"], ["resources.rid"], name=op.f("fk_dataset_branches_dataset_rid")
        ),
        sa.PrimaryKeyConstraint("dataset_rid", "name", name=op.f("pk_dataset_branches")),
    )


def _dataset_schemas() -> None:
    op.create_table(
        "dataset_schemas",
        sa.Column("version_id", sa.String(length=36), nullable=False),
        sa.Column("dataset_rid", sa.String(length=128), nullable=False),
        sa.Column("put", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_rid"], ["resources.rid"], name=op.f("fk_dataset_schemas_dataset_rid")
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_dataset_schemas")),
    )
    op.create_index(
        op.f("ix_dataset_schemas_dataset_rid"), "dataset_schemas", ["dataset_rid"], unique=False
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("rid", sa.String(length=128), nullable=False),
        sa.Column("build_rid", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("cpu", sa.Float(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retries_left", sa.Integer(), nullable=False),
        sa.Column("log_lines", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("attempt_started_at", sa.BigInteger(), nullable=True),
        sa.Column("cancel_requested_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["build_rid"], ["builds.rid"], name=op.f("fk_jobs_build_rid")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_jobs")),
        sa.UniqueConstraint("rid", name=op.f("uq_jobs_rid")),
    )
    op.create_index(
        op.f("ix_jobs_build_rid_sequence"), "jobs", ["build_rid", "sequence"], unique=False
    )
    op.create_index(op.f("ix_jobs_status_sequence"), "jobs", ["status", "sequence"], unique=False)


def _model_studios() -> None:
    op.create_table(
        "model_studios",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("rid", sa.String(length=128), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["rid"], ["resources.rid"], name=op.f("fk_model_studios_rid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_studios")),
        sa.UniqueConstraint("rid", name=op.f("uq_model_studios_rid")),
    )


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("rid", sa.String(length=128), nullable=False),
        sa.Column("published", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["rid"], ["resources.rid"], name=op.f("fk_models_rid")),
        sa.PrimaryKeyConstraint("rid", name=op.f("pk_models")),
    )


def _role_grants() -> None:
    op.create_table(
        "role_grants",
        sa.Column("resource_rid", sa.String(length=128), nullable=False),
        sa.Column("principal_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_rid"], ["resources.rid"], name=op.f("fk_role_grants_resource_rid")
        ),
        sa.PrimaryKeyConstraint(
            "resource_rid", "principal_id", "role", name=op.f("pk_role_grants")
        ),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=True),
        sa.Column("job_rid", sa.String(length=128), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_tokens")),
    )
    op.create_index(op.f("ix_tokens_job_rid"), "tokens", ["job_rid"], unique=False)
    op.create_index(op.f("ix_tokens_user_id"), "tokens", ["user_id"], unique=False)


def _dataset_transactions() -> None:
    op.create_table(
        "dataset_transactions",
        sa.Column("rid", sa.String(length=128), nullable=False),
        sa.Column("dataset_rid", sa.String(length=128), nullable=False),
        sa.Column(
            "branch",
            sa.String(length=500).with_variant(sa.String(length=500, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("parent_rid", sa.String(length=128), nullable=True),
        sa.Column("type", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("schema_version", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_rid"], ["resources.rid"], name=op.f("fk_dataset_transactions_dataset_rid")
        ),
        sa.ForeignKeyConstraint(
            ["schema_version"],
            ["dataset_schemas.version_id"],
            name=op.f("fk_dataset_transactions_schema_version"),
        ),
        sa.PrimaryKeyConstraint("rid", name=op.f("pk_dataset_transactions")),
    )
    op.create_index(
        "ix_dataset_transactions_newest",
        "dataset_transactions",
        ["dataset_rid", "created_at", "rid"],
        unique=False,
    )
    op.create_index(
        "uq_dataset_transactions_open",
        "dataset_transactions",
        ["dataset_rid", "branch"],
        unique=True,
        sqlite_where=sa.text("status = 'OPEN'"),
        postgresql_where=sa.text("status = 'OPEN'"),
    )


def _experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("rid", sa.String(length=128), nullable=False),
        sa.Column("model_rid", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("branch", sa.String(length=500), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("job_rid", sa.String(length=128), nullable=False),
        sa.Column("version_rid", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("metric_values", sa.Integer(), nullable=False),
        sa.Column("metrics_truncated", sa.Boolean(), nullable=False),
        sa.Column("parameters_truncated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_rid"], ["models.rid"], name=op.f("fk_experiments_model_rid")
        ),
        sa.PrimaryKeyConstraint("rid", name=op.f("pk_experiments")),
    )


def _job_logs() -> None:
    op.create_table(
        "job_logs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("job_rid", sa.String(length=128), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_rid"], ["jobs.rid"], name=op.f("fk_job_logs_job_rid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_logs")),
    )
    op.create_index(op.f("ix_job_logs_job_rid_id"), "job_logs", ["job_rid", "id"], unique=False)


def _job_workers() -> None:
    op.create_table(
        "job_workers",
        sa.Column("job_rid", sa.String(length=128), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("cpu", sa.Float(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("handle", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=True),
        sa.Column("rss_bytes", sa.BigInteger(), nullable=False),
        sa.Column("next_event", sa.BigInteger(), nullable=False),
        sa.Column("model_blob", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["job_rid"], ["jobs.rid"], name=op.f("fk_job_workers_job_rid")),
        sa.PrimaryKeyConstraint("job_rid", "attempt", name=op.f("pk_job_workers")),
    )


def _model_versions() -> None:
    op.create_table(
        "model_versions",
        sa.Column("rid", sa.String(length=128), nullable=False),
        sa.Column("model_rid", sa.String(length=128), nullable=False),
        sa.Column("branch", sa.String(length=500), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.Column("experiment_rid", sa.String(length=128), nullable=True),
        sa.Column("created_by", sa.String(length=36), nullable=False),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("model_api", sa.LargeBinary(), nullable=True),
        sa.Column("conda_requirements", sa.LargeBinary(), nullable=True),
        sa.Column("predictor", sa.Text(), nullable=True),
        sa.Column("blob_key", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_rid"], ["models.rid"], name=op.f("fk_model_versions_model_rid")
        ),
        sa.PrimaryKeyConstraint("rid", name=op.f("pk_model_versions")),
    )
    op.create_index(
        "uq_model_versions_model_rid_branch_sequence",
        "model_versions",
        ["model_rid", "branch", "sequence"],
        unique=True,
    )


def _studio_config_versions() -> None:
    op.create_table(
        "studio_config_versions",
        sa.Column(
            "studio_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("changelog", sa.Text(), nullable=True),
        sa.Column("trainer_id", sa.String(length=512), nullable=False),
        sa.Column("trainer_version", sa.String(length=100), nullable=False),
        sa.Column("worker_config", sa.LargeBinary(), nullable=False),
        sa.Column("resources", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["studio_id"], ["model_studios.id"], name=op.f("fk_studio_config_versions_studio_id")
        ),
        sa.PrimaryKeyConstraint("studio_id", "version", name=op.f("pk_studio_config_versions")),
    )


def _studio_runs() -> None:
    op.create_table(
        "studio_runs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "studio_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("build_rid", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["studio_id"], ["model_studios.id"], name=op.f("fk_studio_runs_studio_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studio_runs")),
        sa.UniqueConstraint("build_rid", name=op.f("uq_studio_runs_build_rid")),
    )
    op.create_index(
        "ix_studio_runs_config_newest",
        "studio_runs",
        [
            "studio_id",
            "config_version",
            sa.literal_column("started_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_studio_runs_newest",
        "studio_runs",
        ["studio_id", sa.literal_column("started_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )


def _dataset_files() -> None:
    op.create_table(
        "dataset_files",
        sa.Column("transaction_rid", sa.String(length=128), nullable=False),
        sa.Column(
            "path",
            sa.String(length=1024).with_variant(
                sa.String(length=1024, collation="C"), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("blob_key", sa.String(length=100), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("profile", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["transaction_rid"],
            ["dataset_transactions.rid"],
            name=op.f("fk_dataset_files_transaction_rid"),
        ),
        sa.PrimaryKeyConstraint("transaction_rid", "path", name=op.f("pk_dataset_files")),
    )
    op.create_index(op.f("ix_dataset_files_blob_key"), "dataset_files", ["blob_key"], unique=False)


def _experiment_parameters() -> None:
    op.create_table(
        "experiment_parameters",
        sa.Column("experiment_rid", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_rid"],
            ["experiments.rid"],
            name=op.f("fk_experiment_parameters_experiment_rid"),
        ),
        sa.PrimaryKeyConstraint("experiment_rid", "name", name=op.f("pk_experiment_parameters")),
    )


def _experiment_series() -> None:
    op.create_table(
        "experiment_series",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("experiment_rid", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("min", sa.Double(), nullable=False),
        sa.Column("max", sa.Double(), nullable=False),
        sa.Column("last", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_rid"],
            ["experiments.rid"],
            name=op.f("fk_experiment_series_experiment_rid"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment_series")),
        sa.UniqueConstraint(
            "experiment_rid", "name", name=op.f("uq_experiment_series_experiment_rid_name")
        ),
    )


def _experiment_summary_metrics() -> None:
    op.create_table(
        "experiment_summary_metrics",
        sa.Column("experiment_rid", sa.String(length=128), nullable=False),
        sa.Column("series_name", sa.String(length=500), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_rid"],
            ["experiments.rid"],
            name=op.f("fk_experiment_summary_metrics_experiment_rid"),
        ),
        sa.PrimaryKeyConstraint(
            "experiment_rid", "series_name", name=op.f("pk_experiment_summary_metrics")
        ),
    )


def _experiment_tables() -> None:
    op.create_table(
        "experiment_tables",
        sa.Column("experiment_rid", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("blob_key", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_rid"],
            ["experiments.rid"],
            name=op.f("fk_experiment_tables_experiment_rid"),
        ),
        sa.PrimaryKeyConstraint("experiment_rid", "name", name=op.f("pk_experiment_tables")),
    )


def _experiment_series_chunks() -> None:
    op.create_table(
        "experiment_series_chunks",
        sa.Column(
            "series_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["experiment_series.id"],
            name=op.f("fk_experiment_series_chunks_series_id"),
        ),
        sa.PrimaryKeyConstraint("series_id", "number", name=op.f("pk_experiment_series_chunks")),
    )
