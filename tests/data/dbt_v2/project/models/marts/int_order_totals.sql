{{ config(materialized='ephemeral') }}
select customer_id, sum(amount) as total, max(placed_at) as last_placed_at
from {{ ref('stg_orders') }}
group by customer_id
