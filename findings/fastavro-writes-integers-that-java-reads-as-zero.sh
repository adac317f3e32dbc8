#!/usr/bin/env bash
# fastavro writes numbers that are too large for the schema's int, and Java, Polars and Python each read another number.
#
# Tool: fastavro 1.13.1, polars 2.1.0 (PyPI), org.apache.avro:avro 1.12.1 (Maven).
# Input: a record with rows: int, an Avro integer of 32 bits, and the counts 2147483647, 2147483648 and 5000000000.
# Guess: the writer refuses what does not fit, as it refuses 2**63 for a long and a text for an int. (Its option validator=True does;
# the default is not to validate.)
# Observed: the file has all 64 bits. fastavro reads the numbers back, so a test in Python passes. Avro's Java reader, which Kafka
# Connect, Spark and Flink use, returns 0 and 705032704, and Polars -2147483648 and 705032704. None raises an error.
# Why it matters: row counts and sizes in bytes outgrow an int one day, and from then on a sink in Java has 0 for them.
# Needs a JDK 17 and Maven.
#
#> fastavro: [2147483647, 2147483648, 5000000000]
#> Java: [2147483647, 0, 705032704]
#> Polars: [2147483647, -2147483648, 705032704]
#> a text for an int: refused
#> 2**63 for a long: refused
#> 2**31 for an int, validator=True: refused
. "$(dirname "$0")/common.sh"
install fastavro==1.13.1 polars==2.1.0
fetch_jars avro org.apache.avro:avro:1.12.1 org.slf4j:slf4j-nop:2.0.16
cat >write.py <<'PYTHON'
import fastavro


def schema(kind):
    return fastavro.parse_schema({"type": "record", "name": "statistics", "fields": [{"name": "rows", "type": kind}]})


with open("rows.avro", "wb") as file:
    fastavro.writer(file, schema("int"), [{"rows": rows} for rows in (2**31 - 1, 2**31, 5_000_000_000)])
with open("rows.avro", "rb") as file:
    print("fastavro:", [record["rows"] for record in fastavro.reader(file)])
PYTHON
cat >Read.java <<'JAVA'
import java.io.File;
import java.util.ArrayList;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;

class Read {
  public static void main(String[] arguments) throws Exception {
    var rows = new ArrayList<Object>();
    try (var reader = new DataFileReader<GenericRecord>(new File("rows.avro"), new GenericDatumReader<>())) {
      for (var record : reader) rows.add(record.get("rows"));
    }
    System.out.println("Java: " + rows);
  }
}
JAVA
cat >rest.py <<'PYTHON'
import io

import fastavro
import polars
from write import schema

print("Polars:", polars.read_avro("rows.avro")["rows"].to_list())
for text, kind, value, options in (
    ("a text for an int", "int", "1", {}),
    ("2**63 for a long", "long", 2**63, {}),
    ("2**31 for an int, validator=True", "int", 2**31, {"validator": True}),
):
    try:
        fastavro.writer(io.BytesIO(), schema(kind), [{"rows": value}], **options)
        print(f"{text}: written")
    except (TypeError, OverflowError, fastavro.validation.ValidationError):
        print(f"{text}: refused")
PYTHON
{
  quietly venv/bin/python write.py
  quietly java -cp "avro/*" Read.java
  quietly venv/bin/python rest.py | grep -v "^fastavro:"
} >seen
compare
