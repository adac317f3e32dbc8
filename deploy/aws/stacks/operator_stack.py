"""The operators' task: any `headwater` command inside the VPC, with the permissions that it needs there.

Nothing of it runs unless somebody starts it. It may do what the graph's service may, look at dead letters, and put them
back into the events topic, which the service may not.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from deploy.aws import permissions
from deploy.aws.context import StackContext
from deploy.aws.nag_suppressions import WHOLE_GRAPH, accept
from deploy.aws.stacks.graph_stack import GraphStack
from deploy.aws.stacks.topics_stack import TopicsStack
from deploy.aws.tasks import GROUP, Job, log_of, run_line, task


class OperatorStack(Stack):
    """One task definition, and the command that runs it."""

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
        chosen = context.settings.stream
        kafka = permissions.operate(self, context.stream.names, GROUP, chosen.topic, chosen.dead_letter_topic)
        job = Job(
            name="operator",
            command=["check"],
            environment={
                **topics.kafka,
                "HEADWATER_GRAPH": graph.url,
                "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": chosen.dead_letter_topic,
                "HEADWATER_KAFKA__GROUP_ID": GROUP,
            },
            statements=[*kafka, *permissions.write_graph(graph.data)],
        )
        definition = task(self, job, context, log_of(self, "operator", context.settings))
        accept(definition.task_role, WHOLE_GRAPH)
        CfnOutput(
            self,
            "Operate",
            description="Runs a command of headwater; its output is in the log group of the task",
            value=run_line(topics.cluster, definition, context.network, ["dead-letters", "list", "--since", "1d"]),
        )
