"""What a security review asks of the templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.aws.synthesized import Resource, Synthesized

NAMELESS = {
    "ecr:GetAuthorizationToken",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}
"""Actions for which the Service Authorization Reference knows no resource."""
BELOW = {
    "neptune-db:": "a cluster's data is CLUSTER-ID/*",
    "s3:PutObject": "names of artifacts are dbt's",
    "s3:GetObject": "the same",
    "ecs:StopTask": "ids of tasks are not known before",
    "ecs:DescribeTasks": "the same",
    "ecs:TagResource": "the same, and only while they are started",
}
OWN_OF_THE_REPLICATOR = ("__amazon_msk_replicator_*", "mskr-offset-syncs.*", "*.checkpoints.internal")
"""Ends of the names that MSK Replicator chooses for its own topics and groups."""
"""Actions whose resource ends with a wildcard, and why."""


def as_list(value: Any) -> list[Any]:
    """IAM writes one thing without a list."""
    return value if isinstance(value, list) else [value]


def statements(found: Synthesized) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Every statement of an identity's policy."""
    for resource in found.every():
        documents = [resource.properties.get("PolicyDocument")] if "IAM" in resource.type else []
        documents += [
            policy["PolicyDocument"] for policy in resource.properties.get("Policies", []) if "IAM" in resource.type
        ]
        for document in filter(None, documents):
            for statement in document["Statement"]:
                yield resource, statement


def allowed(found: Synthesized, stack: str, name: str) -> dict[str, str]:
    """The actions of the policies whose name begins so, each with its resources as text."""
    return {
        action: json.dumps(statement["Resource"])
        for resource, statement in statements(found)
        if resource.stack.endswith(stack) and resource.name.startswith(name)
        for action in as_list(statement["Action"])
    }


def test_no_action_is_a_wildcard(either: Synthesized) -> None:
    """Each right is named."""
    seen = 0
    for resource, statement in statements(either):
        seen += 1
        assert statement["Effect"] == "Allow", f"{resource.name} denies, which hides what is allowed"
        assert not [action for action in as_list(statement["Action"]) if "*" in action], f"{resource.name}: {statement}"
    assert seen > 20, "the policies were not found"


def test_resources_are_named(either: Synthesized) -> None:
    """A resource is a wildcard only where IAM knows no name, or ends with one for a reason that is told."""
    for resource, statement in statements(either):
        actions = as_list(statement["Action"])
        for target in as_list(statement["Resource"]):
            if target == "*":
                assert set(actions) <= NAMELESS, f"{resource.stack} {resource.name}: {actions} on everything"
            elif any(f'{name}"' in json.dumps(target) for name in OWN_OF_THE_REPLICATOR):
                assert resource.stack.endswith("-replicator"), f"{resource.stack} {resource.name} is no replicator"
            elif "*" in json.dumps(target):
                strange = [action for action in actions if not action.startswith(tuple(BELOW))]
                assert not strange, f"{resource.stack} {resource.name}: {strange} on {target}"


def test_emitters_write_one_topic(either: Synthesized) -> None:
    """A role that runs dbt may connect and write events, and nothing else."""
    rights = allowed(either, "-stream", "EmitterPolicy")
    assert set(rights) == {
        "kafka-cluster:Connect",
        "kafka-cluster:WriteDataIdempotently",
        "kafka-cluster:DescribeTopic",
        "kafka-cluster:WriteData",
    }
    topic = either.settings.stream.topic
    assert f'/{topic}"' in rights["kafka-cluster:WriteData"], "another topic"
    assert ":topic/" not in rights["kafka-cluster:Connect"], "Connect is a right on the cluster"


def test_the_consumer_has_what_operating_says(either: Synthesized) -> None:
    """The graph's service reads its topic, commits, writes dead letters and the graph."""
    rights = allowed(either, "-service", "ConsumerTaskTaskRole")
    kafka = {
        "Connect",
        "WriteDataIdempotently",
        "DescribeTopic",
        "ReadData",
        "AlterGroup",
        "DescribeGroup",
        "WriteData",
    }
    graph = {"connect", "ReadDataViaQuery", "WriteDataViaQuery", "DeleteDataViaQuery", "GetEngineStatus"}
    assert set(rights) == {f"kafka-cluster:{name}" for name in kafka} | {f"neptune-db:{name}" for name in graph}
    assert either.settings.stream.dead_letter_topic in rights["kafka-cluster:WriteData"], "it may write events"


def test_the_nightly_batch_stops_its_own_tasks_alone(either: Synthesized) -> None:
    """Only tasks with the tag of its definition, which it can give to no task but those that it starts."""
    definitions = list(either.every("AWS::ECS::TaskDefinition"))
    tags = {one.stack: {tag["Key"]: tag["Value"] for tag in one.properties["Tags"]} for one in definitions}
    tagged = {stack: found["task"] for stack, found in tags.items() if "task" in found}
    assert tagged == {f"{either.settings.name}-batch": f"{either.settings.name}-backfill"}, "others have it, too"
    found = [statement for _, statement in statements(either) if "ecs:StopTask" in as_list(statement["Action"])]
    assert found, "nobody stops a task that takes too long"
    for statement in found:
        assert as_list(statement["Action"]) == ["ecs:StopTask"]
        assert statement["Condition"]["StringEquals"] == {"aws:ResourceTag/task": f"{either.settings.name}-backfill"}
    tagging = [statement for _, statement in statements(either) if "ecs:TagResource" in as_list(statement["Action"])]
    assert [one["Condition"] for one in tagging] == [{"StringEquals": {"ecs:CreateAction": "RunTask"}}]


def test_a_reader_changes_nothing(either: Synthesized) -> None:
    """The policy for questions has no right to write."""
    rights = set(allowed(either, "-graph", "ReaderPolicy"))
    assert "neptune-db:ReadDataViaQuery" in rights
    assert not {right for right in rights if "Write" in right or "Delete" in right}


def test_the_topics_task_reads_no_events(either: Synthesized) -> None:
    """Who makes topics may not read or write them."""
    rights = set(allowed(either, "-topics", "TopicsTaskTaskRole"))
    assert "kafka-cluster:CreateTopic" in rights
    assert not rights & {"kafka-cluster:ReadData", "kafka-cluster:WriteData", "kafka-cluster:DeleteTopic"}


def test_an_operator_sees_dead_letters_and_puts_them_back(either: Synthesized) -> None:
    """What the service may, and besides to read dead letters and to write events; not to make or delete topics."""
    rights = allowed(either, "-operator", "OperatorTaskTaskRole")
    service = allowed(either, "-service", "ConsumerTaskTaskRole")
    assert set(rights) - set(service) == {
        "kafka-cluster:DescribeCluster",
        "kafka-cluster:DescribeTopicDynamicConfiguration",
    }
    assert set(service) <= set(rights), f"it may not {set(service) - set(rights)}"
    chosen = either.settings.stream
    for action in ("ReadData", "WriteData"):
        for topic in (chosen.topic, chosen.dead_letter_topic):
            assert f'/{topic}"' in rights[f"kafka-cluster:{action}"], f"{action} on {topic}"


def test_step_functions_may_tag_what_it_starts(either: Synthesized) -> None:
    """Tags of the definition are handed on, which needs a right of its own, and only at the start."""
    (statement,) = (
        statement
        for resource, statement in statements(either)
        if "ecs:TagResource" in as_list(statement["Action"]) and resource.stack.endswith("-batch")
    )
    assert statement["Condition"] == {"StringEquals": {"ecs:CreateAction": "RunTask"}}
    machine = json.dumps(either.one("AWS::StepFunctions::StateMachine").properties["DefinitionString"])
    assert "PropagateTags" in machine


def test_names_of_the_account_hold_the_region(other: Synthesized, either: Synthesized) -> None:
    """A second region in the same account is not refused: policies and dashboards are the account's, budgets too."""
    region = either.settings.region
    for policy in either.every("AWS::IAM::ManagedPolicy"):
        assert region in policy.properties["ManagedPolicyName"], policy.name
    for role in either.every("AWS::IAM::Role"):
        assert "RoleName" not in role.properties, role.name
    for dashboard in either.every("AWS::CloudWatch::Dashboard"):
        assert region in dashboard.properties["DashboardName"]
    assert "BudgetName" not in other.one("AWS::Budgets::Budget").properties["Budget"]


def test_the_replicator_copies_one_topic(other: Synthesized) -> None:
    """It reads the one topic there and writes the one here, under the same name, and touches no group of ours."""
    by_name = {statement["Sid"]: statement for _, statement in statements(other) if _.stack.endswith("-replicator")}
    assert set(by_name) == {"Connect", "ItsOwnTopics", "ItsOwnGroups", "ReadEvents", "WriteEvents"}
    read, write = (json.dumps(by_name[name]["Resource"]) for name in ("ReadEvents", "WriteEvents"))
    for region, topic in (("us-east-1", read), ("eu-west-1", write)):
        assert re.search(rf":kafka:{region}:.*/lineage\"", topic), f"{topic} is not the topic of {region}"
    assert "kafka-cluster:WriteData" not in by_name["ReadEvents"]["Action"]
    properties = other.one("AWS::MSK::Replicator").properties
    (info,) = properties["ReplicationInfoList"]
    assert info["TopicReplication"]["TopicNameConfiguration"] == {"Type": "IDENTICAL"}
    assert info["TopicReplication"]["TopicsToReplicate"] == ["^lineage$"]
    assert info["ConsumerGroupReplication"]["SynchroniseConsumerGroupOffsets"] is False
    there, here = properties["KafkaClusters"]
    assert "SecurityGroupIds" not in there["VpcConfig"], "there are none of ours in the other region"
    assert here["VpcConfig"]["SecurityGroupIds"]


def test_only_the_replicator_may_come_in_from_elsewhere(default: Synthesized, other: Synthesized) -> None:
    """A cluster has a policy of its own only where it is copied, for the service alone."""
    assert not list(default.every("AWS::MSK::ClusterPolicy")), "nobody asked for it"
    assert not list(default.every("AWS::MSK::Replicator")), "nobody asked for it"
    (statement,) = other.one("AWS::MSK::ClusterPolicy").properties["Policy"]["Statement"]
    assert statement["Principal"] == {"Service": "kafka.amazonaws.com"}
    assert set(statement["Action"]) == {
        "kafka:CreateVpcConnection",
        "kafka:GetBootstrapBrokers",
        "kafka:DescribeClusterV2",
    }
    connectivity = other.one("AWS::MSK::Cluster").properties["BrokerNodeGroupInfo"]["ConnectivityInfo"]
    assert connectivity["VpcConnectivity"] == {"ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}}


def test_datazone_has_the_documented_policy(other: Synthesized, root: Path) -> None:
    """The forwarder's statements are those of deploy/iam, for the one domain."""
    documented = json.loads((root / "deploy" / "iam" / "datazone-forwarder.json").read_text(encoding="utf-8"))
    rights = allowed(other, "-service", "DatazoneTaskTaskRole")
    assert {right for right in rights if right.startswith("datazone:")} == {
        s["Action"] for s in documented["Statement"]
    }
    assert "domain/dzd_1a2b3c4d5e6f7g" in rights["datazone:PostLineageEvent"]
    assert not {right for right in rights if right.startswith("neptune-db:")}, "it has nothing to do with the graph"


def test_alerts_go_to_what_was_chosen_alone(other: Synthesized, default: Synthesized, root: Path) -> None:
    """The service publishes to its topic, its bus and its Kafka topic, by the actions of deploy/iam/alerts.json."""
    documented = json.loads((root / "deploy" / "iam" / "alerts.json").read_text(encoding="utf-8"))["Statement"]
    found = [one for policy, one in statements(other) if policy.stack.endswith("-alerts") and "TaskRole" in policy.name]
    given = {action for one in found for action in as_list(one["Action"])}
    actions = {action for one in documented for action in as_list(one["Action"])}
    rest = {action for action in given if action.split(":")[0] not in {"neptune-db", "kms"}}
    assert rest == actions
    (put,) = (one for one in found if one["Action"] == "events:PutEvents")
    assert put["Resource"] == other.settings.alerting.event_bus_arn
    assert put["Condition"] == {"StringEquals": {"events:source": "headwater"}}
    assert not [stack for stack in default.templates if stack.endswith("-alerts")]


def test_without_a_domain_nothing_is_forwarded(default: Synthesized) -> None:
    """No domain, no service, no right, no endpoint."""
    assert "datazone" not in json.dumps(default.templates).lower()


def test_roles_are_for_our_account(either: Synthesized) -> None:
    """Roles that AWS's schedulers assume say for whom, against a confused deputy."""
    seen = 0
    for role in either.every("AWS::IAM::Role"):
        (statement,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
        if statement["Principal"]["Service"] in {
            "scheduler.amazonaws.com",
            "states.amazonaws.com",
            "sagemaker.amazonaws.com",
        }:
            seen += 1
            assert "aws:SourceAccount" in statement["Condition"]["StringEquals"], f"{role.name} serves any account"
    assert seen >= 2


def test_nothing_is_public(either: Synthesized) -> None:
    """No way from or to the Internet, and no public address."""
    for kind in ("InternetGateway", "NatGateway", "EIP"):
        assert not list(either.every(f"AWS::EC2::{kind}")), f"there is a {kind}"
    for subnet in either.every("AWS::EC2::Subnet"):
        assert subnet.properties["MapPublicIpOnLaunch"] is False, f"{subnet.name} gives public addresses"
    for service in either.every("AWS::ECS::Service"):
        network = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == "DISABLED", f"{service.name} has a public address"
    for instance in either.every("AWS::Neptune::DBInstance"):
        assert instance.properties["PubliclyAccessible"] is False, f"{instance.name} is public"
    for notebook in either.every("AWS::SageMaker::NotebookInstance"):
        assert notebook.properties["DirectInternetAccess"] == "Disabled"
        assert notebook.properties["RootAccess"] == "Disabled"
    text = json.dumps(either.templates)
    assert '"AssignPublicIp": "ENABLED"' not in text
    assert 'AssignPublicIp\\":\\"ENABLED' not in text


def test_ports_are_open_to_groups_only(either: Synthesized) -> None:
    """Brokers, graph and endpoints hear named groups, each on its one port."""
    rules = [rule.properties for rule in either.every("AWS::EC2::SecurityGroupIngress")]
    for group in either.every("AWS::EC2::SecurityGroup"):
        open_to = [(rule["CidrIp"], rule["FromPort"]) for rule in group.properties.get("SecurityGroupIngress", ())]
        # The load balancer of the API alone, to the addresses that were chosen.
        chosen = [(cidr, 443) for cidr in either.settings.api.client_cidrs] if "Balancer" in group.name else []
        assert open_to == chosen, f"{group.name} is open to addresses"
    assert all("SourceSecurityGroupId" in rule and "CidrIp" not in rule for rule in rules)
    ports = {443, 8182, 9098} | ({8080} if either.settings.api.enabled else set())
    assert {(rule["FromPort"], rule["ToPort"]) for rule in rules} == {(port, port) for port in ports}
    rules = [rule.properties for rule in either.every("AWS::EC2::SecurityGroupEgress")]
    for group in either.every("AWS::EC2::SecurityGroup"):
        rules += group.properties.get("SecurityGroupEgress", [])
    # The CDK writes "nowhere" as an address that cannot be, with ICMP's type 252.
    out = {rule.get("FromPort") for rule in rules if rule.get("CidrIp") != "255.255.255.255/32"}
    assert out == ports, f"some group may go out to {out}"


def test_msk_takes_iam_over_tls_only(default: Synthesized, other: Synthesized) -> None:
    """Neither kind of cluster lets anybody in without a signature."""
    serverless = default.one("AWS::MSK::ServerlessCluster").properties
    assert serverless["ClientAuthentication"] == {"Sasl": {"Iam": {"Enabled": True}}}
    provisioned = other.one("AWS::MSK::Cluster").properties
    assert provisioned["ClientAuthentication"] == {
        "Sasl": {"Iam": {"Enabled": True}},
        "Unauthenticated": {"Enabled": False},
    }
    assert provisioned["EncryptionInfo"]["EncryptionInTransit"] == {"ClientBroker": "TLS", "InCluster": True}
    assert provisioned["BrokerNodeGroupInfo"]["ConnectivityInfo"]["PublicAccess"] == {"Type": "DISABLED"}


def test_neptune_is_closed_kept_and_bounded(either: Synthesized) -> None:
    """IAM, encryption, backups, logs, and an end to each query."""
    found = either.one("AWS::Neptune::DBCluster")
    chosen, properties = either.settings.graph, found.properties
    assert properties["IamAuthEnabled"] is True
    assert properties["StorageEncrypted"] is True
    assert properties.get("KmsKeyId") == chosen.kms_key_arn
    assert properties["BackupRetentionPeriod"] == chosen.backup_days
    assert properties["DeletionProtection"] is chosen.deletion_protection
    assert properties["EnableCloudwatchLogsExports"] == ["audit", "slowquery"]
    policy = {"snapshot": "Snapshot", "destroy": "Delete"}[chosen.on_removal]
    assert found.whole["DeletionPolicy"] == policy
    parameters = either.one("AWS::Neptune::DBClusterParameterGroup").properties
    assert parameters["Parameters"]["neptune_query_timeout"] == str(chosen.query_timeout_ms)
    assert parameters["Parameters"]["neptune_enable_audit_log"] == "1"
    assert parameters["Family"] == "neptune1.4"


def test_buckets_are_private(either: Synthesized) -> None:
    """Encrypted, closed to the public, and over TLS only."""
    buckets, policies = list(either.every("AWS::S3::Bucket")), list(either.every("AWS::S3::BucketPolicy"))
    assert len(buckets) == len(policies) == 1 + either.settings.api.enabled
    for bucket in buckets:
        assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
        (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    for policy in policies:
        denials = policy.properties["PolicyDocument"]["Statement"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [statement.get("Condition") for statement in denials]


def test_the_api_lets_in_whom_the_provider_knows(other: Synthesized) -> None:
    """TLS and sign-in before anything; inside, and with a role that reads the graph and nothing else."""
    balancer = other.one("AWS::ElasticLoadBalancingV2::LoadBalancer").properties
    assert balancer["Scheme"] == "internal"
    attributes = {one["Key"]: one["Value"] for one in balancer["LoadBalancerAttributes"]}
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert attributes["access_logs.s3.enabled"] == "true"
    listener = other.one("AWS::ElasticLoadBalancingV2::Listener").properties
    assert (listener["Protocol"], listener["SslPolicy"]) == ("HTTPS", "ELBSecurityPolicy-TLS13-1-2-2021-06")
    first, second = sorted(listener["DefaultActions"], key=lambda action: action["Order"])
    assert (first["Type"], second["Type"]) == ("authenticate-oidc", "forward")
    assert "secretsmanager" in json.dumps(first["AuthenticateOidcConfig"]["ClientSecret"])
    rights = set(allowed(other, "-api", "ApiTaskTaskRole"))
    assert rights == {
        f"neptune-db:{action}"
        for action in ("connect", "ReadDataViaQuery", "GetQueryStatus", "CancelQuery", "GetEngineStatus")
    }


def test_images_do_not_change(either: Synthesized) -> None:
    """Tags are immutable, pushes are scanned, and tasks name a digest."""
    for repository in either.every("AWS::ECR::Repository"):
        assert repository.properties["ImageTagMutability"] == "IMMUTABLE"
        assert repository.properties["ImageScanningConfiguration"] == {"ScanOnPush": True}
    for task in either.every("AWS::ECS::TaskDefinition"):
        (container,) = task.properties["ContainerDefinitions"]
        assert "@sha256:" in json.dumps(container["Image"]), f"{task.name} takes a tag"


def test_tasks_are_locked(either: Synthesized) -> None:
    """Read-only, without root, with a role of their own each, and no secret in the environment."""
    roles = []
    for task in either.every("AWS::ECS::TaskDefinition"):
        (container,) = task.properties["ContainerDefinitions"]
        assert container["ReadonlyRootFilesystem"] is True, f"{task.name} may write its file system"
        assert container["User"] == "10001", f"{task.name} runs as root"
        assert not container.get("Privileged"), f"{task.name} is privileged"
        assert container["StopTimeout"] == 60, f"{task.name} has less than docs/operating.md asks for"
        assert container["LogConfiguration"]["LogDriver"] == "awslogs"
        names = {variable["Name"] for variable in container["Environment"]}
        assert not {name for name in names if "PASSWORD" in name or "SECRET" in name}
        roles.append(json.dumps(task.properties["TaskRoleArn"]))
    assert len(roles) == len(set(roles)) >= 3, "two tasks share a role"
    for service in either.every("AWS::ECS::Service"):
        assert service.properties["EnableExecuteCommand"] is False, f"{service.name} lets people in"


def test_alarms_travel_encrypted(either: Synthesized) -> None:
    """The topics of alarms and of alerts have keys of their own, which turn, and take TLS only."""
    topics = list(either.every("AWS::SNS::Topic"))
    assert len(topics) == 1 + either.settings.alerting.enabled
    assert all("KmsMasterKeyId" in topic.properties for topic in topics)
    assert all(key.properties["EnableKeyRotation"] for key in either.every("AWS::KMS::Key"))
    policies = list(either.every("AWS::SNS::TopicPolicy"))
    assert len(policies) == len(topics)
    for policy in policies:
        said = policy.properties["PolicyDocument"]["Statement"]
        assert [s for s in said if s["Effect"] == "Deny" and "aws:SecureTransport" in json.dumps(s["Condition"])]


def test_alarms_arrive(either: Synthesized) -> None:
    """CloudWatch may publish to the topic, which has a policy of its own, and use its key; for our account alone."""
    policies = [
        *(
            (policy.properties["PolicyDocument"], {"sns:Publish"})
            for policy in either.every("AWS::SNS::TopicPolicy")
            if policy.stack.endswith("-watch")
        ),
        *(
            (key.properties["KeyPolicy"], {"kms:Decrypt", "kms:GenerateDataKey"})
            for key in either.every("AWS::KMS::Key")
            if key.stack.endswith("-watch")
        ),
    ]
    assert len(policies) == 2
    for policy, actions in policies:
        (statement,) = (s for s in policy["Statement"] if "cloudwatch.amazonaws.com" in json.dumps(s["Principal"]))
        assert statement["Effect"] == "Allow"
        assert set(as_list(statement["Action"])) == actions
        assert "aws:SourceAccount" in statement["Condition"]["StringEquals"], "any account's alarms may come"


@pytest.mark.parametrize("kind", ["AWS::Logs::LogGroup"])
def test_logs_end(either: Synthesized, kind: str) -> None:
    """Every log group has a retention, and an end that was chosen."""
    wanted = {"retain": "Retain", "destroy": "Delete"}[either.settings.logs_on_removal]
    for group in either.every(kind):
        assert group.properties["RetentionInDays"] == either.settings.log_days, f"{group.name} is kept for ever"
        assert group.whole["DeletionPolicy"] == wanted, f"{group.name} has another end than chosen"
