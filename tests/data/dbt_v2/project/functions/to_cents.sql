cast(round(amount * 100) as bigint)
