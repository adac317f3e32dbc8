"""Origins of an expression: functions, names of items, and parts of constructed values."""
