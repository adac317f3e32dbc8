"""The Kafka cluster on MSK with IAM and TLS only, its bootstrap servers, and the policy of emitters."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_msk as msk
from aws_cdk import custom_resources as cr
from constructs import Construct

from deploy.aws.deployment_settings import Settings
from deploy.aws.log_groups import log_group
from deploy.aws.nag_suppressions import accept
from deploy.aws.permissions import KafkaNames, produce
from deploy.aws.stacks.network_stack import NetworkStack


class StreamStack(Stack):
    """The MSK cluster.

    Attributes:
        names: Names of the cluster, its topics and groups in IAM.
        bootstrap_servers: Bootstrap servers, HOST:PORT joined by commas.
        emitter_policy: Policy for the role that runs dbt.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, network: NetworkStack, **kwargs: Any
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._settings, self._network = settings, network
        cluster = self._serverless() if settings.stream.kind == "serverless" else self._provisioned()
        self.cluster_arn: str = cluster.attr_arn
        self.names = KafkaNames(settings.name, self.cluster_arn)
        self.bootstrap_servers = self._ask_for_brokers()
        if settings.replication.offered:
            self._let_replicate()
        self.emitter_policy = iam.ManagedPolicy(
            self,
            "EmitterPolicy",
            managed_policy_name=f"{settings.name}-{settings.region}-emitter",
            description="Send lineage events to Headwater's topic, and nothing else",
            statements=produce(self, self.names, settings.stream.topic),
        )
        CfnOutput(self, "BootstrapServers", value=self.bootstrap_servers, description="bootstrap_servers of emitters")
        CfnOutput(self, "ClusterArn", value=self.cluster_arn)
        CfnOutput(self, "EmitterPolicyArn", value=self.emitter_policy.managed_policy_arn)

    def _serverless(self) -> msk.CfnServerlessCluster:
        sasl = msk.CfnServerlessCluster.SaslProperty(iam=msk.CfnServerlessCluster.IamProperty(enabled=True))
        return msk.CfnServerlessCluster(
            self,
            "Cluster",
            cluster_name=self._settings.name,
            client_authentication=msk.CfnServerlessCluster.ClientAuthenticationProperty(sasl=sasl),
            vpc_configs=[
                msk.CfnServerlessCluster.VpcConfigProperty(
                    subnet_ids=self._network.subnet_ids, security_groups=[self._network.brokers.security_group_id]
                )
            ],
        )

    def _provisioned(self) -> msk.CfnCluster:
        chosen, kind = self._settings.stream, msk.CfnCluster
        express = chosen.instance_type.startswith("express.")
        storage = kind.StorageInfoProperty(ebs_storage_info=kind.EBSStorageInfoProperty(volume_size=chosen.volume_gb))
        logs = log_group(self, "BrokerLogs", "brokers", self._settings)
        return msk.CfnCluster(
            self,
            "Cluster",
            cluster_name=self._settings.name,
            kafka_version=chosen.kafka_version,
            number_of_broker_nodes=chosen.brokers_per_zone * len(self._settings.zones),
            broker_node_group_info=kind.BrokerNodeGroupInfoProperty(
                client_subnets=self._network.subnet_ids,
                instance_type=chosen.instance_type,
                security_groups=[self._network.brokers.security_group_id],
                storage_info=None if express else storage,
                connectivity_info=kind.ConnectivityInfoProperty(
                    public_access=kind.PublicAccessProperty(type="DISABLED"),
                    vpc_connectivity=self._other_vpcs() if self._settings.replication.offered else None,
                ),
            ),
            client_authentication=kind.ClientAuthenticationProperty(
                sasl=kind.SaslProperty(iam=kind.IamProperty(enabled=True)),
                unauthenticated=kind.UnauthenticatedProperty(enabled=False),
            ),
            encryption_info=kind.EncryptionInfoProperty(
                encryption_in_transit=kind.EncryptionInTransitProperty(client_broker="TLS", in_cluster=True)
            ),
            logging_info=kind.LoggingInfoProperty(
                broker_logs=kind.BrokerLogsProperty(
                    cloud_watch_logs=kind.CloudWatchLogsProperty(enabled=True, log_group=logs.log_group_name)
                )
            ),
        )

    def _other_vpcs(self) -> msk.CfnCluster.VpcConnectivityProperty:
        # How MSK Replicator comes in from another region; the endpoints that others make, the cluster's policy denies.
        kind = msk.CfnCluster
        iam_enabled = kind.VpcConnectivityIamProperty(enabled=True)
        return kind.VpcConnectivityProperty(
            client_authentication=kind.VpcConnectivityClientAuthenticationProperty(
                sasl=kind.VpcConnectivitySaslProperty(iam=iam_enabled)
            )
        )

    def _let_replicate(self) -> None:
        # The statement of "Prepare the Amazon MSK source cluster", which has no condition: the service asks by itself.
        statement = iam.PolicyStatement(
            sid="Replicate",
            principals=[iam.ServicePrincipal("kafka.amazonaws.com")],
            actions=["kafka:CreateVpcConnection", "kafka:GetBootstrapBrokers", "kafka:DescribeClusterV2"],
            resources=[self.cluster_arn],
        )
        msk.CfnClusterPolicy(
            self,
            "ClusterPolicy",
            cluster_arn=self.cluster_arn,
            policy=iam.PolicyDocument(statements=[statement]).to_json(),
        )

    def _ask_for_brokers(self) -> str:
        # CloudFormation knows no attribute for them; the API does, once the cluster is there.
        call = cr.AwsSdkCall(
            service="Kafka",
            action="getBootstrapBrokers",
            parameters={"ClusterArn": self.cluster_arn},
            physical_resource_id=cr.PhysicalResourceId.of("brokers"),
            output_paths=["BootstrapBrokerStringSaslIam"],
        )
        asked = cr.AwsCustomResource(
            self,
            "Brokers",
            on_update=call,
            policy=cr.AwsCustomResourcePolicy.from_statements(
                [iam.PolicyStatement(actions=["kafka:GetBootstrapBrokers"], resources=[self.cluster_arn])]
            ),
            log_group=log_group(self, "AskingLogs", "asking-for-brokers", self._settings),
            install_latest_aws_sdk=False,
        )
        provider = self.node.find_child("AWS679f53fac002430cb0da5b7982bd2287")
        accept(
            provider,
            {
                "AwsSolutions-IAM4": "The CDK's own function, which asks for the brokers, may write its log.",
                "AwsSolutions-L1": "The CDK chooses the runtime of its own function, and renews it with each release.",
            },
        )
        return str(asked.get_response_field("BootstrapBrokerStringSaslIam"))
