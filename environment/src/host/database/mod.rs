//! The MySQL side of the environment: schemas, accounts, migrations.
