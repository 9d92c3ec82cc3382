#!/bin/bash
# Runs once, when PostgreSQL starts on an empty volume: one database and one role per service. A role can connect to
# its own database and to no other.
set -euo pipefail

administer() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:-postgres}" "$@"; }

# By default everybody may connect to every database, and these two are there before ours.
administer <<'SQL'
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
SQL

for name in identity customer_management order_management billing; do
    # The password is read from the environment by psql itself: it stands in no command line.
    administer --set name="$name" --set variable="${name^^}_DATABASE_PASSWORD" <<'SQL'
\getenv password :variable
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
