"""The events topic of another region, copied under its own name by MSK Replicator.

The consumers here read the copy like any topic. It comes at least once and in any order among partitions, which the
graph does not mind. Groups and dead letters are not copied: each region has its own.
"""

from __future__ import annotations

import re
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_msk as msk
from constructs import Construct

from deploy.aws.context import StackContext
from deploy.aws.nag_suppressions import accept
from deploy.aws.permissions import KafkaNames, replicate
from deploy.aws.tasks import GROUP


class ReplicatorStack(Stack):
    """The replicator and its role, deployed after the topics."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: StackContext,
        source_cluster_arn: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        settings, network, stream = context.settings, context.network, context.stream
        source = KafkaNames.of(source_cluster_arn)
        topic = settings.stream.topic
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("kafka.amazonaws.com"))
        for statement in replicate(self, source, stream.names, topic):
            role.add_to_policy(statement)
        accept(role, {"AwsSolutions-IAM5": "MSK Replicator chooses the names of its own topics and groups."})
        cluster, info = msk.CfnReplicator.KafkaClusterProperty, msk.CfnReplicator
        security_groups = [network.replicator.security_group_id] if network.replicator else []
        replicator = msk.CfnReplicator(
            self,
            "Replicator",
            replicator_name=f"{settings.name}-events",
            description=f"{topic} from {source.region}",
            service_execution_role_arn=role.role_arn,
            kafka_clusters=[
                cluster(
                    amazon_msk_cluster=info.AmazonMskClusterProperty(msk_cluster_arn=source.arn),
                    vpc_config=info.KafkaClusterClientVpcConfigProperty(
                        subnet_ids=list(settings.replication.source_subnet_ids)
                    ),
                ),
                cluster(
                    amazon_msk_cluster=info.AmazonMskClusterProperty(msk_cluster_arn=stream.cluster_arn),
                    vpc_config=info.KafkaClusterClientVpcConfigProperty(
                        subnet_ids=network.subnet_ids, security_group_ids=security_groups
                    ),
                ),
            ],
            replication_info_list=[
                info.ReplicationInfoProperty(
                    source_kafka_cluster_arn=source.arn,
                    target_kafka_cluster_arn=stream.cluster_arn,
                    target_compression_type="ZSTD",
                    topic_replication=info.TopicReplicationProperty(
                        topics_to_replicate=[f"^{re.escape(topic)}$"],
                        topic_name_configuration=info.ReplicationTopicNameConfigurationProperty(type="IDENTICAL"),
                        # What the topic holds already, too: seven days are a graph's worth.
                        starting_position=info.ReplicationStartingPositionProperty(type="EARLIEST"),
                        # The task in topics_stack.py creates topics; MSK Serverless can't copy their settings.
                        copy_topic_configurations=False,
                        copy_access_control_lists_for_topics=False,
                        # New partitions, that is: the pattern knows one topic.
                        detect_and_copy_new_topics=True,
                    ),
                    # The consumers of this region are running with offsets of their own.
                    consumer_group_replication=info.ConsumerGroupReplicationProperty(
                        consumer_groups_to_replicate=[f"^{GROUP}$"],
                        detect_and_copy_new_consumer_groups=False,
                        synchronise_consumer_group_offsets=False,
                    ),
                )
            ],
        )
        # The role is useless before its policy exists.
        replicator.node.add_dependency(role)
