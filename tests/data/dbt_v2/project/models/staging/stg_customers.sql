select customer_id, upper(name) as name from {{ source('lake', 'customers') }}
