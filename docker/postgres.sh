#!/bin/sh
# Two roles from the first day: the owner migrates, the application cannot alter the audit trail.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set owner="$OWNER_PASSWORD" --set application="$APPLICATION_PASSWORD" <<'SQL'
CREATE ROLE tilbake_owner LOGIN CREATEDB PASSWORD :'owner';
CREATE ROLE tilbake_app LOGIN PASSWORD :'application';
CREATE DATABASE tilbake OWNER tilbake_owner;
SQL
