#!/usr/bin/env bash
# kafka-python reads records that it refuses to write: a header without a value, and a record with neither key nor value.
#
# Tool: kafka-python 3.0.12 (PyPI), org.apache.kafka:kafka_2.13 4.4.0 and its Java client (Maven).
# Input: Java's producer sends a record with a header whose value is null, and one with neither key nor value. Kafka's format has
# a length of -1 for each.
# Guess: what a consumer returns, a producer of the same library takes, so a record can be copied from topic to topic.
# Observed: the consumer returns ("trace", None), and key and value None. send() refuses the first with a TypeError, and the
# second with a ValueError.
# Why it matters: mirrors, dead letters and redrives copy records. One such record of a foreign producer stops them, and a
# traceparent header without a value is enough.
# Needs a JDK 17 and Maven. The broker listens on loopback.
#
#> read: key b'k', value b'v', headers [('trace', None)]
#> sent again: TypeError: All headers items must be (str, bytes) tuples
#> read: key None, value None, headers []
#> sent again: ValueError: Need at least one: key or value
. "$(dirname "$0")/common.sh"
install kafka-python==3.0.12
start_kafka 4.4.0
cat >Produce.java <<'JAVA'
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

class Produce {
  public static void main(String[] arguments) {
    var serializer = new ByteArraySerializer();
    try (var producer = new KafkaProducer<>(Map.of("bootstrap.servers", arguments[0]), serializer, serializer)) {
      var record = new ProducerRecord<>("events", "k".getBytes(), "v".getBytes());
      record.headers().add("trace", null);
      producer.send(record);
      producer.send(new ProducerRecord<>("events", null, null));
    }
  }
}
JAVA
cat >resend.py <<'PYTHON'
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

server = sys.argv[1]
consumer = KafkaConsumer(bootstrap_servers=server, auto_offset_reset="earliest")
consumer.assign([TopicPartition("events", 0)])
consumer.seek_to_beginning()
with KafkaProducer(bootstrap_servers=server) as producer:
    for _ in range(2):
        record = next(consumer)
        print(f"read: key {record.key}, value {record.value}, headers {record.headers}")
        try:
            producer.send("copies", key=record.key, value=record.value, headers=record.headers).get(timeout=60)
            print("sent again: taken")
        except Exception as error:
            print(f"sent again: {type(error).__name__}: {error}")
consumer.close()
PYTHON
quietly java -cp "kafka-4.4.0/*" Produce.java "$kafka" >/dev/null
quietly venv/bin/python -W ignore resend.py "$kafka" >seen
compare
