"""The effect of functions on their arguments, for functions that sqlglot has no class of expressions for."""

from typing import Any

from sqlglot import exp

# By Trino's page "Aggregate functions" (Athena's engine) and Redshift's "Aggregate functions", "Window functions" and
# "HyperLogLog functions", what sqlglot keeps as a name alone.
_AGGREGATES = frozenset(
    {
        "approx_most_frequent",
        "approx_set",
        "array_union_sum",
        "checksum",
        "classification_fall_out",
        "classification_miss_rate",
        "classification_precision",
        "classification_recall",
        "classification_thresholds",
        "convex_hull_agg",
        "entropy",
        "evaluate_classifier_predictions",
        "every",
        "geometric_mean",
        "geometry_union_agg",
        "histogram",
        "hll_combine",
        "hll_create_sketch",
        "json_arrayagg",
        "learn_classifier",
        "learn_libsvm_classifier",
        "learn_regressor",
        "listaggdistinct",
        "make_set_digest",
        "map_agg",
        "map_union",
        "map_union_sum",
        "merge",
        "merge_set_digest",
        "multimap_agg",
        "numeric_histogram",
        "qdigest_agg",
        "ratio_to_report",
        "reduce_agg",
        "set_union",
        "spatial_partitioning",
        "st_collect",
        "tdigest_agg",
    }
)
# What has an aggregate's name and makes a value of one row: Redshift's CHECKSUM.
_OF_A_ROW = {"redshift": frozenset({"checksum"})}
# Each hides its argument. What counts as such is the engine's matter by the specification; these are its hashes.
_HASH_NAMES = frozenset(
    {
        "approx_set",
        "checksum",
        "crc32",
        "farmhash64",
        "fnv1_32",
        "fnv1_64",
        "fnv1a_32",
        "fnv1a_64",
        "fnv_hash",
        "func_sha1",
        "hll_create_sketch",
        "hmac_md5",
        "hmac_sha1",
        "hmac_sha256",
        "hmac_sha512",
        "murmur3",
        "murmur3_32_hash",
        "spooky_hash_v2_32",
        "spooky_hash_v2_64",
        "xxhash64",
    }
)
COUNTS = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Hll)
# By name, as not every version of sqlglot has each.
HASHES = tuple(
    getattr(exp, name)
    for name in ("MD5", "MD5Digest", "SHA", "SHA1Digest", "SHA2", "SHA2Digest", "FarmFingerprint", "StandardHash")
    if hasattr(exp, name)
)
# sqlglot counts these among the aggregates, but each hands on the value of one row.
OF_ONE_ROW = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
# Where FIRST and LAST go to a row of a match, and are no aggregates.
_TRINO = frozenset({"athena", "presto", "trino"})
VALUES_OF_MAPS = frozenset({"map_values"})
_DEFAULTS = frozenset({"ifnull", "isnull", "nvl"})


def called(node: Any) -> str:
    """Returns the name of a function that sqlglot keeps as a name alone, in lower case; "" of any other expression."""
    return str(node.this).lower() if isinstance(node, exp.Anonymous) else ""


def is_aggregate(node: Any, dialect: str) -> bool:
    """True if an expression makes one value of many rows."""
    if isinstance(node, exp.AggFunc):
        return not isinstance(node, OF_ONE_ROW) and not (dialect in _TRINO and isinstance(node, exp.First | exp.Last))
    name = called(node)
    return name in _AGGREGATES and name not in _OF_A_ROW.get(dialect, ())


def is_masking(node: exp.Anonymous) -> bool:
    """True if a function's value does not show its arguments, as a hash's."""
    return called(node) in _HASH_NAMES


def is_default(node: exp.Anonymous) -> bool:
    """True for a function that returns the first of its arguments that is not null."""
    return called(node) in _DEFAULTS


def has_aggregate(node: Any, dialect: str) -> bool:
    """True if an item of a select list aggregates its own query's rows, so that GROUP BY ALL leaves it out."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, exp.Window | exp.Query):
            continue
        if is_aggregate(current, dialect):
            return True
        waiting += current.iter_expressions()
    return False
