"""A SageMaker notebook inside the VPC with graph-notebook, that may ask the graph and change nothing.

The commands that install graph-notebook and the settings in `.bashrc` are those of the Neptune user guide's page on
notebooks, as its CloudFormation template has them. `lineage.ipynb` is uploaded by hand.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Fn, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from deploy.aws.deployment_settings import Settings
from deploy.aws.nag_suppressions import WHOLE_GRAPH, accept
from deploy.aws.stacks.graph_stack import GraphStack
from deploy.aws.stacks.network_stack import GRAPH, NetworkStack

_ON_START = """#!/bin/bash
sudo -u ec2-user -i <<'EOF'
echo "export GRAPH_NOTEBOOK_AUTH_MODE=IAM" >> ~/.bashrc
echo "export GRAPH_NOTEBOOK_SSL=True" >> ~/.bashrc
echo "export GRAPH_NOTEBOOK_SERVICE=neptune-db" >> ~/.bashrc
echo "export GRAPH_NOTEBOOK_HOST={host}" >> ~/.bashrc
echo "export GRAPH_NOTEBOOK_PORT={port}" >> ~/.bashrc
echo "export AWS_REGION={region}" >> ~/.bashrc
aws s3 cp s3://{installer}/graph_notebook.tar.gz /tmp/graph_notebook.tar.gz
rm -rf /tmp/graph_notebook
tar -zxvf /tmp/graph_notebook.tar.gz -C /tmp
/tmp/graph_notebook/install.sh
EOF
"""


class NotebookStack(Stack):
    """The notebook instance, its role and its key."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        network: NetworkStack,
        graph: GraphStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        installer = f"aws-neptune-notebook-{self.region}"
        script = _ON_START.format(
            host=graph.cluster.attr_read_endpoint, port=GRAPH, region=self.region, installer=installer
        )
        hook = sagemaker.CfnNotebookInstanceLifecycleConfig.NotebookInstanceLifecycleHookProperty(
            content=Fn.base64(script)
        )
        lifecycle = sagemaker.CfnNotebookInstanceLifecycleConfig(
            self,
            "Lifecycle",
            notebook_instance_lifecycle_config_name=f"{settings.name}-notebook",
            on_start=[hook],
        )
        key = kms.Key(
            self,
            "Key",
            description="Disk of Headwater's notebook",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        sagemaker.CfnNotebookInstance(
            self,
            "Notebook",
            # The console of Neptune shows notebooks of this name as its own.
            notebook_instance_name=f"aws-neptune-{settings.name}",
            instance_type=settings.notebook.instance_type,
            role_arn=self._role(graph, installer).role_arn,
            kms_key_id=key.key_id,
            subnet_id=network.subnet_ids[0],
            security_group_ids=[network.readers.security_group_id],
            direct_internet_access="Disabled",
            root_access="Disabled",
            lifecycle_config_name=lifecycle.attr_notebook_instance_lifecycle_config_name,
            platform_identifier="notebook-al2023-v1",
            instance_metadata_service_configuration=(
                sagemaker.CfnNotebookInstance.InstanceMetadataServiceConfigurationProperty(
                    minimum_instance_metadata_service_version="2"
                )
            ),
        )

    def _role(self, graph: GraphStack, installer: str) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
            ),
            managed_policies=[graph.reader_policy],
        )
        role.add_to_policy(
            iam.PolicyStatement(
                sid="Installer",
                actions=["s3:GetObject"],
                resources=[f"arn:{self.partition}:s3:::{installer}/graph_notebook.tar.gz"],
            )
        )
        accept(role, WHOLE_GRAPH)
        return role
