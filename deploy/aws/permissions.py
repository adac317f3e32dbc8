"""Who may do what on MSK, Neptune and DataZone, statement by statement; docs/operating.md has the table.

Resources of MSK are named as in "How it works", IAM access control, Amazon MSK developer guide; those of Neptune as in
"IAM policy statements for data access", Neptune user guide.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Fn, Stack
from aws_cdk import aws_iam as iam


@dataclass(frozen=True, slots=True)
class KafkaNames:
    """A cluster as IAM names it.

    Attributes:
        name: The cluster's name.
        arn: Its ARN, known once it is there: `arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID`.
        region: Its region; that of the stack if it is None.
    """

    name: str
    arn: str
    region: str | None = None

    @classmethod
    def of(cls, arn: str) -> KafkaNames:
        """Returns the names of a cluster that is there, maybe in another region."""
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
    """To write one topic, idempotently."""
    return [
        _allow("Connect", ["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"], names.arn),
        _allow("Write", ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"], names.topic(stack, topic)),
    ]


def consume(stack: Stack, names: KafkaNames, topic: str, dead_letters: str, group: str) -> list[iam.PolicyStatement]:
    """To read one topic as one group, and to write its dead letters."""
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
    """To do as the group does, to look at what these topics hold and are set to, and to put dead letters back."""
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
    """To make these topics and to look at what they are set to; not to read or write them."""
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
    """To copy one topic under its own name, as MSK Replicator's "Topic replication permissions" has it."""
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
    """Returns the data of one Neptune cluster; IAM knows no name below `/*` for a part of it."""
    return str(stack.format_arn(service="neptune-db", resource=cluster_resource_id, resource_name="*"))


def write_graph(data: str) -> list[iam.PolicyStatement]:
    """To read and write the graph."""
    actions = ["connect", "ReadDataViaQuery", "WriteDataViaQuery", "DeleteDataViaQuery", "GetEngineStatus"]
    return [_allow("Graph", [f"neptune-db:{action}" for action in actions], data)]


def read_graph(data: str) -> list[iam.PolicyStatement]:
    """To ask the graph; what changes it is denied."""
    actions = ["connect", "ReadDataViaQuery", "GetQueryStatus", "CancelQuery", "GetEngineStatus"]
    return [_allow("Graph", [f"neptune-db:{action}" for action in actions], data)]


def forward(stack: Stack, domain_id: str) -> list[iam.PolicyStatement]:
    """To post lineage to a domain, as deploy/iam/datazone-forwarder.json has it."""
    domain = stack.format_arn(service="datazone", resource="domain", resource_name=domain_id)
    return [
        _allow("PostLineage", ["datazone:PostLineageEvent"], domain),
        _allow("AskWhetherItServes", ["datazone:ListLineageEvents"], domain),
    ]
