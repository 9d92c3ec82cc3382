#!/bin/sh
# Writes a file of fresh random secrets for compose.yaml, readable by its owner only; an existing one is left alone.
#
#     deploy/compose/secrets.sh          # .env beside compose.yaml
#     deploy/compose/secrets.sh FILE     # another one, for docker compose --env-file FILE
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
file=${1:-$root/.env}
[ ! -e "$file" ] || { echo "$file is there already; its secrets stay. Databases know their passwords from it." >&2; exit 1; }

# Hexadecimal: the same inside a URL, a YAML file and a shell.
random() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

umask 077
made=$file.$$
trap 'rm -f "$made"' EXIT
{
    echo '# Secrets of this installation (deploy/compose/secrets.sh). Keep a copy where backups are kept, and out of git.'
    echo '# AUTH_KEY_SECRET unseals the signing keys, mails and codes in the database; services/identity/README.md: how to change it.'
    for name in POSTGRES IDENTITY_DATABASE CUSTOMER_MANAGEMENT_DATABASE ORDER_MANAGEMENT_DATABASE BILLING_DATABASE REDIS; do
        echo "${name}_PASSWORD=$(random 24)"
    done
    echo "AUTH_KEY_SECRET=$(random 32)"
    echo "GATEWAY_ACCOUNT_SECRET=$(random 32)"
    echo "PROMENADE_CURSOR_KEY=$(random 32)"
    echo 'SUPERADMIN_EMAIL=admin@promenade.example.com'
    echo "SUPERADMIN_PASSWORD=$(random 16)"
} >"$made"
# Unlike mv, a link never replaces what somebody else has just made.
ln "$made" "$file"
echo "wrote $file"
