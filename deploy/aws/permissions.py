"""IAM statements for MSK, Neptune and DataZone; docs/operating.md has the table.

Names of MSK's resources follow "How it works", IAM access control, Amazon MSK developer guide; those of Neptune
follow "IAM policy statements for data access", Neptune user guide.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Fn, Stack
from aws_cdk import aws_iam as iam


@dataclass(frozen=True, slots=True)
class KafkaNames:
    """The names of a cluster's resources in IAM.

    Attributes:
        name: Name of the cluster.
        arn: ARN of the cluster, known once it exists: `arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID`.
        region: Region of the cluster; None for that of the stack.
    """

    name: str
    arn: str
    region: str | None = None

    @classmethod
    def of(cls, arn: str) -> KafkaNames:
        """Returns the names of an existing cluster, possibly in another region."""
        return cls(name=arn.split("/")[1], arn=arn, region=arn.split(":")[3])

    def topic(self, stack: Stack, topic: str) -> str:
        """Returns the ARN of a topic."""
        return self._below(stack, "topic", topic)

    def group(self, stack: Stack, group: str) -> str:
        """Returns the ARN of a consumer group."""
        return self._below(stack, "group", group)

    def _below(self, stack: Stack, kind: str, name: str) -> str:
        uuid = Fn.select(2, Fn.split("/", self.arn))
        below = f"{self.name}/{uuid}/{name}"
        return str(stack.format_arn(service="kafka", region=self.region, resource=kind, resource_name=below))


def _allow(sid: str, actions: list[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=actions, resources=list(resources))


def produce(stack: Stack, names: KafkaNames, topic: str) -> list[iam.PolicyStatement]:
    """Returns statements to write one topic, idempotently."""
    return [
        _allow("Connect", ["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"], names.arn),
        _allow("Write", ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"], names.topic(stack, topic)),
    ]


def consume(stack: Stack, names: KafkaNames, topic: str, dead_letters: str, group: str) -> list[iam.PolicyStatement]:
    """Returns statements to read one topic as one group, and to write its dead letters."""
    return [
        _allow("Connect", ["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"], names.arn),
        _allow("Read", ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], names.topic(stack, topic)),
        _allow("Commit", ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"], names.group(stack, group)),
        _allow(
            "DeadLetters",
            ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"],
            names.topic(stack, dead_letters),
        ),
    ]


def operate(stack: Stack, names: KafkaNames, group: str, *topics: str) -> list[iam.PolicyStatement]:
    """Returns statements to act as the group, to read topics and their settings, and to redrive dead letters."""
    return [
        _allow(
            "Connect",
            ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:WriteDataIdempotently"],
            names.arn,
        ),
        _allow(
            "ReadAndPutBack",
            [
                "kafka-cluster:DescribeTopic",
                "kafka-cluster:DescribeTopicDynamicConfiguration",
                "kafka-cluster:ReadData",
                "kafka-cluster:WriteData",
            ],
            *(names.topic(stack, topic) for topic in topics),
        ),
        _allow(
            "LookAtTheGroup", ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"], names.group(stack, group)
        ),
    ]


def make_topics(stack: Stack, names: KafkaNames, group: str, *topics: str) -> list[iam.PolicyStatement]:
    """Returns statements to create topics and to read their settings, but not their records."""
    return [
        _allow("Connect", ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"], names.arn),
        _allow(
            "MakeTopics",
            [
                "kafka-cluster:CreateTopic",
                "kafka-cluster:DescribeTopic",
                "kafka-cluster:DescribeTopicDynamicConfiguration",
            ],
            *(names.topic(stack, topic) for topic in topics),
        ),
        _allow("LookAtTheGroup", ["kafka-cluster:DescribeGroup"], names.group(stack, group)),
    ]


def replicate(stack: Stack, source: KafkaNames, target: KafkaNames, topic: str) -> list[iam.PolicyStatement]:
    """Returns statements to copy one topic under its own name (MSK Replicator's "Topic replication permissions")."""
    own = ("*__amazon_msk_replicator_*", "mskr-offset-syncs.*", "*.checkpoints.internal")
    return [
        _allow(
            "Connect",
            ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:WriteDataIdempotently"],
            source.arn,
            target.arn,
        ),
        _allow(
            "ItsOwnTopics",
            [
                "kafka-cluster:CreateTopic",
                "kafka-cluster:ReadData",
                "kafka-cluster:WriteData",
                "kafka-cluster:DescribeTopic",
                "kafka-cluster:DescribeTopicDynamicConfiguration",
                "kafka-cluster:AlterTopic",
                "kafka-cluster:AlterTopicDynamicConfiguration",
            ],
            *(names.topic(stack, name) for names in (source, target) for name in own),
        ),
        _allow(
            "ItsOwnGroups",
            ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"],
            target.group(stack, "*__amazon_msk_replicator_*"),
        ),
        _allow(
            "ReadEvents",
            [
                "kafka-cluster:ReadData",
                "kafka-cluster:DescribeTopic",
                "kafka-cluster:DescribeTopicDynamicConfiguration",
            ],
            source.topic(stack, topic),
        ),
        _allow(
            "WriteEvents",
            [
                "kafka-cluster:CreateTopic",
                "kafka-cluster:WriteData",
                "kafka-cluster:DescribeTopic",
                "kafka-cluster:DescribeTopicDynamicConfiguration",
            ],
            target.topic(stack, topic),
        ),
    ]


def graph_data(stack: Stack, cluster_resource_id: str) -> str:
    """Returns the ARN of a Neptune cluster's data; IAM has no name for a part of it."""
    return str(stack.format_arn(service="neptune-db", resource=cluster_resource_id, resource_name="*"))


def write_graph(data: str) -> list[iam.PolicyStatement]:
    """Returns statements to read and write the graph."""
    actions = ["connect", "ReadDataViaQuery", "WriteDataViaQuery", "DeleteDataViaQuery", "GetEngineStatus"]
    return [_allow("Graph", [f"neptune-db:{action}" for action in actions], data)]


def read_graph(data: str) -> list[iam.PolicyStatement]:
    """Returns statements to read the graph, but not to change it."""
    actions = ["connect", "ReadDataViaQuery", "GetQueryStatus", "CancelQuery", "GetEngineStatus"]
    return [_allow("Graph", [f"neptune-db:{action}" for action in actions], data)]


def publish_alerts(topic_arn: str, key_arn: str) -> list[iam.PolicyStatement]:
    """To publish to one topic on SNS, and to use the key that encrypts it."""
    return [
        _allow("PublishAlertsToSns", ["sns:Publish"], topic_arn),
        _allow("EncryptAlerts", ["kms:Decrypt", "kms:GenerateDataKey"], key_arn),
    ]


def put_alerts(bus_arn: str) -> iam.PolicyStatement:
    """To put events of our source on one bus."""
    return iam.PolicyStatement(
        sid="PutAlertsOnABus",
        actions=["events:PutEvents"],
        resources=[bus_arn],
        conditions={"StringEquals": {"events:source": "headwater"}},
    )


def forward(stack: Stack, domain_id: str) -> list[iam.PolicyStatement]:
    """Returns statements to post lineage to a domain, as in deploy/iam/datazone-forwarder.json."""
    domain = stack.format_arn(service="datazone", resource="domain", resource_name=domain_id)
    return [
        _allow("PostLineage", ["datazone:PostLineageEvent"], domain),
        _allow("AskWhetherItServes", ["datazone:ListLineageEvents"], domain),
    ]
