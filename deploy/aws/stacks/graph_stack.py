"""The graph: Neptune Serverless with IAM, encryption, backups, and a query timeout."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnDeletionPolicy, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_neptune as neptune
from constructs import Construct

from deploy.aws.deployment_settings import Settings
from deploy.aws.log_groups import log_group
from deploy.aws.nag_suppressions import WHOLE_GRAPH, accept
from deploy.aws.permissions import graph_data, read_graph
from deploy.aws.stacks.network_stack import GRAPH, NetworkStack

_ENDS = {
    "snapshot": CfnDeletionPolicy.SNAPSHOT,
    "destroy": CfnDeletionPolicy.DELETE,
}


class GraphStack(Stack):
    """The Neptune cluster.

    Attributes:
        data: ARN of the cluster's data in IAM.
        url: URL of the graph for the setting `graph`.
        cluster: The Neptune cluster.
        reader_policy: Policy for roles that query the graph.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, network: NetworkStack, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.cluster = self._cluster(settings, network)
        self.data = graph_data(self, self.cluster.attr_cluster_resource_id)
        self.url = f"neptune://{self.cluster.attr_endpoint}:{GRAPH}?region={self.region}"
        self.reader_policy = iam.ManagedPolicy(
            self,
            "ReaderPolicy",
            managed_policy_name=f"{settings.name}-{settings.region}-reader",
            description="Ask Headwater's graph, and change nothing",
            statements=read_graph(self.data),
        )
        accept(self.reader_policy, WHOLE_GRAPH)
        CfnOutput(self, "Url", value=self.url, description="HEADWATER_GRAPH")
        CfnOutput(self, "ReadEndpoint", value=self.cluster.attr_read_endpoint, description="For notebooks")
        CfnOutput(self, "ReaderPolicyArn", value=self.reader_policy.managed_policy_arn)

    def _cluster(self, settings: Settings, network: NetworkStack) -> neptune.CfnDBCluster:
        chosen = settings.graph
        family = "neptune" + ".".join(chosen.engine_version.split(".")[:2])
        subnets = neptune.CfnDBSubnetGroup(
            self,
            "Subnets",
            db_subnet_group_description="Private subnets of Headwater's graph",
            subnet_ids=network.subnet_ids,
        )
        parameters = neptune.CfnDBClusterParameterGroup(
            self,
            "ClusterParameters",
            description="Audit log, slow queries, and a limit on queries",
            family=family,
            parameters={
                "neptune_query_timeout": str(chosen.query_timeout_ms),
                "neptune_enable_audit_log": "1",
                "neptune_enable_slow_query_log": "info",
                "neptune_slow_query_log_threshold": "5000",
            },
        )
        cluster = neptune.CfnDBCluster(
            self,
            "Cluster",
            db_cluster_identifier=settings.name,
            engine_version=chosen.engine_version,
            db_subnet_group_name=subnets.ref,
            db_cluster_parameter_group_name=parameters.ref,
            vpc_security_group_ids=[network.graph.security_group_id],
            iam_auth_enabled=True,
            storage_encrypted=True,
            kms_key_id=chosen.kms_key_arn,
            backup_retention_period=chosen.backup_days,
            copy_tags_to_snapshot=True,
            deletion_protection=chosen.deletion_protection,
            enable_cloudwatch_logs_exports=["audit", "slowquery"],
            serverless_scaling_configuration=neptune.CfnDBCluster.ServerlessScalingConfigurationProperty(
                min_capacity=chosen.min_capacity, max_capacity=chosen.max_capacity
            ),
        )
        cluster.cfn_options.deletion_policy = _ENDS[chosen.on_removal]
        cluster.cfn_options.update_replace_policy = _ENDS[chosen.on_removal]
        for kind in ("audit", "slowquery"):
            # Created here under Neptune's own name, so that it has a retention and is deleted with the stack.
            group = log_group(self, f"{kind.title()}Logs", kind, settings, prefix="/aws/neptune")
            cluster.node.add_dependency(group)
        for number in range(1 + chosen.readers):
            neptune.CfnDBInstance(
                self,
                "Writer" if number == 0 else f"Reader{number}",
                db_cluster_identifier=cluster.ref,
                db_instance_class="db.serverless",
                auto_minor_version_upgrade=True,
                publicly_accessible=False,
            )
        return cluster
