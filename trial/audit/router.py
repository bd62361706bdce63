"""Which of the two database roles may change the schema."""


class OwnerMigrates:
    """`default` is the application's role and `owner` the schema's owner in the same database: only it migrates."""

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return db == "owner"
