"""The stacks of the CDK app, one a module."""
