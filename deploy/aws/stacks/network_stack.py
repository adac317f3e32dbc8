"""The network: private subnets without Internet access, VPC endpoints, and security groups."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from deploy.aws.deployment_settings import Settings
from deploy.aws.log_groups import log_group

BROKERS = 9098
"""MSK's port for IAM over TLS, inside the VPC ("Port information", MSK developer guide)."""
GRAPH = 8182
HTTPS = 443
_SERVICES = {
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Sts": ec2.InterfaceVpcEndpointAwsService.STS,
}


class NetworkStack(Stack):
    """The VPC, its endpoints, and a security group for each part.

    Attributes:
        vpc: The new or the existing VPC.
        subnets: Private subnets of all resources.
        subnet_ids: Ids of these subnets.
        brokers: Group of the brokers.
        graph: Group of the graph.
        consumers: Group of the tasks, which may reach brokers, graph and endpoints.
        emitters: Group for hosts that run dbt, which may reach the brokers.
        readers: Group for hosts that query the graph.
        replicator: Group of MSK Replicator; None if no events of another region are copied.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(scope, construct_id, **kwargs)
        chosen = settings.network
        self.vpc: ec2.IVpc = self._existing(settings) if chosen.vpc_id else self._new(settings)
        self.subnets = ec2.SubnetSelection(
            subnets=self.vpc.private_subnets if chosen.vpc_id else self.vpc.isolated_subnets
        )
        self.subnet_ids: list[str] = list(self.vpc.select_subnets(subnets=self.subnets.subnets).subnet_ids)
        self.brokers = self._group("Brokers", "MSK brokers")
        self.graph = self._group("Graph", "Neptune")
        self.consumers = self._group("Consumers", "Tasks of Headwater")
        self.emitters = self._group("Emitters", "Hosts that run dbt and send lineage")
        self.readers = self._group("Readers", "Hosts that query the graph")
        self.replicator: ec2.SecurityGroup | None = None
        if settings.replication.source_cluster_arn:
            self.replicator = self._group("Replicator", "MSK Replicator")
        self._flows()
        if chosen.endpoints:
            self._endpoints(settings)
        CfnOutput(self, "SubnetIds", value=",".join(self.subnet_ids), description="Where tasks and clusters are")
        for name, group in {"EmittersGroup": self.emitters, "ReadersGroup": self.readers}.items():
            CfnOutput(self, name, value=group.security_group_id, description="Security group to add to its own")

    def _new(self, settings: Settings) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(settings.network.cidr),
            availability_zones=list(settings.zones),
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="private", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
            ],
        )
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group(self, "FlowLogs", "network", settings)),
        )
        return vpc

    def _existing(self, settings: Settings) -> ec2.IVpc:
        # Imported by attributes, because a look-up would need credentials for synthesis.
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=settings.network.vpc_id or "",
            availability_zones=list(settings.zones),
            private_subnet_ids=list(settings.network.subnet_ids),
            private_subnet_route_table_ids=list(settings.network.route_table_ids),
        )

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(self, name, vpc=self.vpc, description=description, allow_all_outbound=False)
        Tags.of(group).add("Name", f"{self.stack_name}-{name.lower()}")
        return group

    def _flows(self) -> None:
        brokers, graph = ec2.Port.tcp(BROKERS), ec2.Port.tcp(GRAPH)
        for group in filter(None, (self.consumers, self.emitters, self.replicator)):
            group.connections.allow_to(self.brokers, brokers, "Kafka over TLS with IAM")
        for group in (self.consumers, self.readers):
            group.connections.allow_to(self.graph, graph, "Gremlin over TLS with IAM")
        for group in (self.consumers, self.readers):
            # S3 is behind a gateway endpoint, whose addresses are not the VPC's. A VPC of our own routes nothing else;
            # in an existing VPC with a NAT gateway this rule lets our tasks reach any HTTPS server.
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "Endpoints and S3")

    def _endpoints(self, settings: Settings) -> None:
        group = self._group("Endpoints", "VPC endpoints")
        for client in (self.consumers, self.readers):
            group.add_ingress_rule(client, ec2.Port.tcp(HTTPS), "HTTPS from our tasks")
        services = dict(_SERVICES)
        if settings.datazone.domain_id:
            services["DataZone"] = ec2.InterfaceVpcEndpointAwsService("datazone")
        if settings.alerting.enabled:
            services["Sns"] = ec2.InterfaceVpcEndpointAwsService.SNS
        if settings.alerting.enabled and settings.alerting.event_bus_arn:
            services["EventBridge"] = ec2.InterfaceVpcEndpointAwsService.EVENTBRIDGE
        for name, service in services.items():
            ec2.InterfaceVpcEndpoint(
                self,
                f"{name}Endpoint",
                vpc=self.vpc,
                service=service,
                subnets=self.subnets,
                security_groups=[group],
                open=False,
                private_dns_enabled=True,
            )
        ec2.GatewayVpcEndpoint(
            self,
            "S3Endpoint",
            vpc=self.vpc,
            service=ec2.GatewayVpcEndpointAwsService.S3,
            subnets=[self.subnets],
        )
