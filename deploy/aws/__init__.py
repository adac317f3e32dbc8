"""The AWS CDK app that puts Headwater on MSK, ECS Fargate and Neptune."""
