"""CloudWatch metrics for alarms, the dashboard and scaling.

MSK reports a group's lag at no charge on both kinds of cluster, by cluster, group and topic ("Monitor consumer lags",
MSK developer guide). Neptune's metrics are those of "Neptune CloudWatch metrics", ECS's those of Container Insights.
"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from deploy.aws.deployment_settings import Settings

MINUTES = Duration.minutes(5)


def _of_the_group(settings: Settings, group: str, name: str, label: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Kafka",
        metric_name=name,
        dimensions_map={"Cluster Name": settings.name, "Consumer Group": group, "Topic": settings.stream.topic},
        statistic="Maximum",
        period=Duration.minutes(1),
        label=label,
    )


def lag(settings: Settings, group: str) -> cloudwatch.Metric:
    """Returns the number of records that the group has not committed."""
    return _of_the_group(settings, group, "SumOffsetLag", "records behind")


def lag_seconds(settings: Settings, group: str) -> cloudwatch.Metric:
    """Returns the group's lag in seconds, as MSK estimates it."""
    return _of_the_group(settings, group, "EstimatedMaxTimeLag", "seconds behind")


def neptune(settings: Settings, name: str, statistic: str = "Maximum", label: str | None = None) -> cloudwatch.Metric:
    """Returns a metric of the Neptune cluster."""
    return cloudwatch.Metric(
        namespace="AWS/Neptune",
        metric_name=name,
        dimensions_map={"DBClusterIdentifier": settings.name},
        statistic=statistic,
        period=MINUTES,
        label=label,
    )


def running(settings: Settings, service: str) -> cloudwatch.Metric:
    """Returns the number of running tasks of a service."""
    return cloudwatch.Metric(
        namespace="ECS/ContainerInsights",
        metric_name="RunningTaskCount",
        dimensions_map={"ClusterName": settings.name, "ServiceName": service},
        statistic="Minimum",
        period=MINUTES,
        label="tasks that run",
    )


def of_the_log(settings: Settings, name: str, label: str) -> cloudwatch.Metric:
    """Returns a metric that a filter derives from the consumers' log; see monitoring_stack.py."""
    return cloudwatch.Metric(namespace=settings.name, metric_name=name, statistic="Sum", period=MINUTES, label=label)
