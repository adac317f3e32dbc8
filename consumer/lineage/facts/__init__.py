"""Facts as values: what events say of runs, jobs and datasets, how facts join, and which executions are current."""
