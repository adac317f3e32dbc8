"""The HTTP API on ECS Fargate, behind an internal load balancer that authenticates people by OpenID Connect."""

from __future__ import annotations

from typing import Any, Final

from aws_cdk import CfnOutput, Duration, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from deploy.aws import permissions
from deploy.aws.context import StackContext
from deploy.aws.nag_suppressions import WHOLE_GRAPH, accept
from deploy.aws.stacks.graph_stack import GraphStack
from deploy.aws.stacks.network_stack import GRAPH, HTTPS
from deploy.aws.stacks.topics_stack import TopicsStack
from deploy.aws.tasks import CONTAINER, HTTP_PORT, Job, fargate_service, log_of, task

NAME: Final = "api"


class ApiStack(Stack):
    """Service that answers people, with its load balancer.

    Attributes:
        log: The log of its tasks.
        service: Its tasks.
        balancer: The load balancer.
        targets: What the load balancer knows of the tasks.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: StackContext,
        graph: GraphStack,
        topics: TopicsStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._context, self._settings, self._chosen = context, context.settings, context.settings.api
        self._balancers = self._group("Balancer", "Load balancer of the API")
        self._tasks = self._group("Tasks", "Tasks of the API")
        self._flows()
        self.balancer = self._balancer()
        self.log: logs.LogGroup = log_of(self, NAME, self._settings)
        self.service = self._service(graph, topics)
        self.targets = self._targets()
        self._listener()
        self._scale()
        CfnOutput(
            self,
            "BalancerName",
            value=self.balancer.load_balancer_dns_name,
            description="What the API's name points to",
        )

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, name, vpc=self._context.network.vpc, description=description, allow_all_outbound=False
        )

    def _flows(self) -> None:
        for cidr in self._chosen.client_cidrs:
            self._balancers.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(HTTPS), "People")
        self._balancers.connections.allow_to(self._tasks, ec2.Port.tcp(HTTP_PORT), "The API")
        # The load balancer asks the identity provider; the tasks fetch images, logs and the load balancer's public key.
        for group in (self._balancers, self._tasks):
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "Identity provider, endpoints, public keys")

    def _balancer(self) -> elb.ApplicationLoadBalancer:
        balancer = elb.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            load_balancer_name=f"{self._settings.name}-{NAME}",
            vpc=self._context.network.vpc,
            vpc_subnets=self._context.network.subnets,
            internet_facing=False,
            security_group=self._balancers,
            drop_invalid_header_fields=True,
            deletion_protection=self._settings.graph.deletion_protection,
        )
        balancer.log_access_logs(self._access_logs())
        return balancer

    def _access_logs(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,  # the one kind that load balancers can write with
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(self._settings.log_days))],
            removal_policy=RemovalPolicy.RETAIN,
        )
        accept(bucket, {"AwsSolutions-S1": "It holds access logs itself, and nothing else reads or writes it."})
        return bucket

    def _service(self, graph: GraphStack, topics: TopicsStack) -> ecs.FargateService:
        # Not to be changed from here: a rule for the load balancer in it would make the network depend on this stack.
        readers = ec2.SecurityGroup.from_security_group_id(
            self, "Readers", self._context.network.readers.security_group_id, mutable=False
        )
        job = Job(
            name=NAME,
            command=["serve"],
            environment={
                "HEADWATER_GRAPH": f"neptune://{graph.cluster.attr_read_endpoint}:{GRAPH}?region={self.region}",
                "HEADWATER_SERVE__ACCESS": "alb",
                "HEADWATER_SERVE__ALB_ARN": self.balancer.load_balancer_arn,
                "HEADWATER_SERVE__HOST": "0.0.0.0",  # noqa: S104 -- the load balancer comes from outside
                "HEADWATER_SERVE__INGEST": "off",
                "HEADWATER_SERVE__PORT": str(HTTP_PORT),
            },
            statements=permissions.read_graph(graph.data),
            serves=True,
        )
        definition = task(self, job, self._context, self.log)
        accept(definition.task_role, WHOLE_GRAPH)
        return fargate_service(
            self,
            "Service",
            NAME,
            self._context,
            definition=definition,
            cluster=topics.cluster,
            desired_count=self._chosen.min_tasks,
            min_healthy_percent=100,
            max_healthy_percent=200,
            # The group of those who may ask the graph, beside its own.
            security_groups=[self._tasks, readers],
        )

    def _targets(self) -> elb.ApplicationTargetGroup:
        return elb.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=self._context.network.vpc,
            port=HTTP_PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            target_type=elb.TargetType.IP,
            targets=[self.service.load_balancer_target(container_name=CONTAINER, container_port=HTTP_PORT)],
            deregistration_delay=Duration.seconds(30),
            health_check=elb.HealthCheck(
                path="/readyz", interval=Duration.seconds(15), timeout=Duration.seconds(10), healthy_http_codes="200"
            ),
        )

    def _listener(self) -> None:
        chosen = self._chosen
        people = elb.ListenerAction.authenticate_oidc(
            issuer=chosen.issuer,
            authorization_endpoint=chosen.authorization_endpoint,
            token_endpoint=chosen.token_endpoint,
            user_info_endpoint=chosen.user_info_endpoint,
            client_id=chosen.client_id,
            client_secret=SecretValue.secrets_manager(chosen.client_secret_arn),
            session_timeout=Duration.hours(12),
            # The rule for HTTPS to the identity provider is above, with all others.
            allow_https_outbound=False,
            next=elb.ListenerAction.forward([self.targets]),
        )
        self.balancer.add_listener(
            "Https",
            port=HTTPS,
            certificates=[elb.ListenerCertificate.from_arn(chosen.certificate_arn)],
            ssl_policy=elb.SslPolicy.RECOMMENDED_TLS,
            open=False,
            default_action=people,
        )

    def _scale(self) -> None:
        count = self.service.auto_scale_task_count(
            min_capacity=self._chosen.min_tasks, max_capacity=self._chosen.max_tasks
        )
        count.scale_on_cpu_utilization("Cpu", target_utilization_percent=60, scale_in_cooldown=Duration.minutes(10))
