"""Monitoring: alarms to one SNS topic, a dashboard, and a budget.

docs/metrics.md has the response to each alarm; deploy/monitoring has Prometheus's finer rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from deploy.aws import cloudwatch_metrics
from deploy.aws.deployment_settings import Settings
from deploy.aws.stacks.alerts_stack import NAME as ALERTS
from deploy.aws.stacks.alerts_stack import AlertsStack
from deploy.aws.stacks.api_stack import NAME as API
from deploy.aws.stacks.api_stack import ApiStack
from deploy.aws.stacks.service_stack import DATAZONE_GROUP, ServiceStack
from deploy.aws.tasks import GROUP

_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
_BAD = cloudwatch.TreatMissingData.BREACHING
GIB = 1024**3


class MonitoringStack(Stack):
    """The alarms, the dashboard and the budget.

    Attributes:
        alarms: All alarms, by name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        service: ServiceStack,
        machine: sfn.StateMachine | None,
        api: ApiStack | None,
        alerts: AlertsStack | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._settings = settings
        self._recipients = actions.SnsAction(self._topic())
        self.alarms: dict[str, cloudwatch.Alarm] = {}
        others = ({API: api.log} if api else {}) | ({ALERTS: alerts.log} if alerts else {})
        self._of_the_logs(service.logs | others)
        self._of_the_stream()
        self._of_the_services(service)
        self._of_the_graph()
        if machine:
            self._of_the_batch(machine)
        if api:
            self._of_the_api(api)
        if alerts:
            self._of_the_alerts(alerts)
        self._dashboard()
        if settings.watch.budget_usd:
            self._budget(settings.watch.budget_usd)

    def _topic(self) -> sns.Topic:
        # A customer-managed key, since CloudWatch may not use the AWS-managed key of SNS.
        key = kms.Key(
            self,
            "Key",
            description="Alarms of Headwater",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key's policy that is the key
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        topic = sns.Topic(self, "Alarms", topic_name=f"{self._settings.name}-alarms", master_key=key, enforce_ssl=True)
        # The policy of `enforce_ssl` replaces the default one by which alarms may publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        for address in self._settings.watch.emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        CfnOutput(self, "AlarmTopic", value=topic.topic_arn)
        return topic

    def _alarm(
        self,
        name: str,
        says: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        *,
        comparison: cloudwatch.ComparisonOperator = _ABOVE,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = _FINE,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._settings.name}-{name}",
            alarm_description=says,
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self._recipients)
        alarm.add_ok_action(self._recipients)
        self.alarms[name] = alarm

    def _of_the_logs(self, found: Mapping[str, logs.LogGroup]) -> None:
        patterns = {
            "DeadLetters": logs.FilterPattern.string_value("$.event", "=", "record rejected"),
            # What lasts for a minute (processing/step_retrier.py), what ends the service, what libraries call so.
            "Errors": logs.FilterPattern.string_value("$.level", "=", "error"),
        }
        for job, log in found.items():
            for name, pattern in patterns.items():
                logs.MetricFilter(
                    self,
                    f"{job.title()}{name}Filter",
                    log_group=log,
                    filter_pattern=pattern,
                    metric_namespace=self._settings.name,
                    metric_name=name,
                    metric_value="1",
                    default_value=0,
                )
        letters = cloudwatch_metrics.of_the_log(self._settings, "DeadLetters", "records rejected")
        errors = cloudwatch_metrics.of_the_log(self._settings, "Errors", "errors")
        self._alarm("DeadLetters", "Records were rejected: `headwater dead-letters list` says why.", letters, 0)
        self._alarm("Errors", "A consumer logs errors.", errors, 0, periods=2)

    def _of_the_stream(self) -> None:
        behind = self._settings.watch.stale_after_s
        groups = {"Lag": GROUP} | ({"DatazoneLag": DATAZONE_GROUP} if self._settings.datazone.domain_id else {})
        for name, group in groups.items():
            metric = cloudwatch_metrics.lag_seconds(self._settings, group)
            self._alarm(name, f"{group} is more than {behind} s behind.", metric, behind, periods=5)
        waiting = cloudwatch_metrics.lag(self._settings, GROUP)
        written = cloudwatch_metrics.neptune(self._settings, "NumTxCommitted", "Sum")
        still = cloudwatch.MathExpression(
            expression="IF(waiting > 0 AND FILL(written, 0) == 0, 1, 0)",
            using_metrics={"waiting": waiting, "written": written},
            period=cloudwatch_metrics.MINUTES,
            label="events wait and nothing is written",
        )
        self._alarm("NoWrite", "Events wait, and the graph has committed nothing for 15 minutes.", still, 0, periods=3)

    def _of_the_services(self, service: ServiceStack) -> None:
        for job, found in service.services.items():
            name = "NoMember" if job == "consumer" else f"{job.title()}NoMember"
            self._no_member_alarm(name, f"No {job} runs; events wait in the topic for as long as its retention.", found)

    def _no_member_alarm(self, name: str, message: str, service: ecs.FargateService) -> None:
        self._alarm(
            name,
            message,
            cloudwatch_metrics.running(self._settings, service.service_name),
            1,
            comparison=_BELOW,
            periods=2,
            missing=_BAD,
        )

    def _of_the_graph(self) -> None:
        chosen = self._settings
        cpu = cloudwatch_metrics.neptune(chosen, "CPUUtilization")
        capacity = cloudwatch_metrics.neptune(chosen, "NCUUtilization")
        memory = cloudwatch_metrics.neptune(chosen, "FreeableMemory", "Minimum")
        self._alarm("GraphCpu", "Neptune's CPU is above 80 %.", cpu, 80, periods=3)
        self._alarm("GraphCapacity", "Neptune is at its most capacity: raise max_capacity.", capacity, 90, periods=3)
        # An NCU is about 2 GiB; below a twentieth of the most, queries begin to fail for lack of memory.
        least = chosen.graph.max_capacity * 2 * GIB / 20
        self._alarm("GraphMemory", "Neptune lacks memory.", memory, least, comparison=_BELOW, periods=3)

    def _of_the_batch(self, machine: sfn.StateMachine) -> None:
        ways = {"f": machine.metric_failed(), "t": machine.metric_timed_out(), "a": machine.metric_aborted()}
        failed = cloudwatch.MathExpression(
            expression="FILL(f, 0) + FILL(t, 0) + FILL(a, 0)",
            using_metrics=ways,
            period=cloudwatch_metrics.MINUTES,
            label="nightly batches that failed",
        )
        self._alarm("BatchFailed", "The nightly batch failed after all its tries; its log says why.", failed, 0)

    def _of_the_api(self, api: ApiStack) -> None:
        self._no_member_alarm("ApiNoMember", "No process of the API runs.", api.service)
        failed = api.targets.metrics.http_code_target(
            elb.HttpCodeTarget.TARGET_5XX_COUNT, period=cloudwatch_metrics.MINUTES
        )
        slow = api.targets.metrics.target_response_time(period=cloudwatch_metrics.MINUTES, statistic="p99")
        away = api.targets.metrics.unhealthy_host_count(period=cloudwatch_metrics.MINUTES, statistic="Minimum")
        self._alarm("ApiErrors", "The API answers with errors; its log says why.", failed, 10, periods=3)
        self._alarm("ApiSlow", "The slowest of a hundred answers of the API takes more than 2 s.", slow, 2, periods=3)
        self._alarm("ApiNotReady", "A process of the API can't reach the graph.", away, 0, periods=3)

    def _of_the_alerts(self, alerts: AlertsStack) -> None:
        waiting = "No process raises alerts; changes wait in the graph's outbox."
        self._no_member_alarm("AlertsNoMember", waiting, alerts.service)
        waits = ("alerting failed, retrying", "delivery failed; trying again")
        logs.MetricFilter(
            self,
            "AlertsWaitingFilter",
            log_group=alerts.log,
            filter_pattern=logs.FilterPattern.any(
                *(logs.FilterPattern.string_value("$.event", "=", event) for event in waits)
            ),
            metric_namespace=self._settings.name,
            metric_name="AlertsWaiting",
            metric_value="1",
            default_value=0,
        )
        # A pause between two attempts is five minutes at most, so each quarter of an hour has one.
        waiting = cloudwatch_metrics.of_the_log(self._settings, "AlertsWaiting", "attempts that failed")
        self._alarm(
            "AlertsStuck",
            "Alerts wait in the outbox for an hour: the log of the alerts says why; `headwater alerts test` tries one.",
            waiting.with_(period=Duration.minutes(15)),
            0,
            periods=4,
        )

    def _dashboard(self) -> None:
        chosen = self._settings
        graph = cloudwatch.GraphWidget
        commits = cloudwatch_metrics.neptune(chosen, "NumTxCommitted", "Sum", "commits")
        rejected = cloudwatch_metrics.of_the_log(chosen, "DeadLetters", "records rejected")
        capacity = cloudwatch_metrics.neptune(chosen, "ServerlessDatabaseCapacity", "Average", "NCUs")
        waiting = cloudwatch_metrics.neptune(chosen, "MainRequestQueuePendingRequests", "Maximum", "requests that wait")
        cpu = cloudwatch_metrics.neptune(chosen, "CPUUtilization", "Maximum", "CPU, %")
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{chosen.name}-{chosen.region}",  # dashboards are the account's, not the region's
            default_interval=Duration.hours(12),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(self.alarms.values()), width=24, height=3)],
                [
                    graph(
                        title="Behind",
                        left=[cloudwatch_metrics.lag(chosen, GROUP)],
                        right=[cloudwatch_metrics.lag_seconds(chosen, GROUP)],
                    ),
                    graph(title="Written", left=[commits], right=[rejected]),
                    graph(title="Neptune", left=[capacity, waiting], right=[cpu]),
                ],
            ],
        )

    def _budget(self, limit: int) -> None:
        notice = budgets.CfnBudget.NotificationProperty(
            comparison_operator="GREATER_THAN",
            notification_type="FORECASTED",
            threshold=100,
            threshold_type="PERCENTAGE",
        )
        people = [
            budgets.CfnBudget.SubscriberProperty(address=address, subscription_type="EMAIL")
            for address in self._settings.watch.emails
        ]
        warning = budgets.CfnBudget.NotificationWithSubscribersProperty(notification=notice, subscribers=people)
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                # CloudFormation chooses the name: names are the account's, and new recipients replace the budget.
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=limit, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:application${self._settings.name}"]},
            ),
            notifications_with_subscribers=[warning] if people else None,
        )
