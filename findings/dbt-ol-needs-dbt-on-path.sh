#!/usr/bin/env bash
# dbt-ol does not find the dbt that is installed beside it.
#
# Tool: openlineage-dbt 1.54.0 with dbt-core 1.11.16 and dbt-duckdb 1.11.1 (PyPI).
# Input: dbt and dbt-ol called by their full paths in one virtual environment that is not activated.
# Guess: both work. dbt does, and dbt-ol imports the same Python packages.
# Observed: dbt-ol starts whatever "dbt" stands first on PATH. With none there it raises FileNotFoundError; with another
# one there it runs that dbt, of any version, and reads its files.
# Why it matters: schedulers and cron call programs by full path. The first case stops dbt altogether, and the second one builds
# the warehouse with a dbt that nobody chose.
#
#> dbt: exit code 0
#> dbt-ol, no dbt on PATH: exit code 1, FileNotFoundError: [Errno 2] No such file or directory: 'dbt'
#> dbt-ol, another dbt on PATH: exit code 0, the other dbt was called with: run
. "$(dirname "$0")/common.sh"
install openlineage-dbt==1.54.0 dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.4.4
mkdir models empty other
echo '{name: shop, version: "1.0", profile: shop, flags: {send_anonymous_usage_stats: false}}' >dbt_project.yml
echo '{shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}}' >profiles.yml
echo "select 1 as id" >models/orders.sql
cat >other/dbt <<'SH'
#!/bin/sh
echo "the other dbt was called with: $1"
SH
chmod +x other/dbt
run() { # PATH PROGRAM: dbt-ol's output in log, and its exit code
  env -i HOME="$work" PATH="$1" OPENLINEAGE__TRANSPORT__TYPE=noop "$work/venv/bin/$2" run >log 2>&1 && echo 0 || echo $?
}
{
  echo "dbt: exit code $(run "$work/empty" dbt)"
  echo "dbt-ol, no dbt on PATH: exit code $(run "$work/empty" dbt-ol), $(grep '^FileNotFoundError' log)"
  echo "dbt-ol, another dbt on PATH: exit code $(run "$work/other:/usr/bin:/bin" dbt-ol), $(grep '^the other' log)"
} >seen
compare
