"""Which of the two database roles may change the schema."""


class OwnerMigrates:
    """`default` is the application's role, `owner` the schema's, in one database: only the owner migrates."""

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return db == "owner"
