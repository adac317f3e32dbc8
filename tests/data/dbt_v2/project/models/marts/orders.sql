with placed as (select * from {{ ref('stg_orders') }})
select placed.order_id, placed.customer_id, {{ function('to_cents') }}(placed.amount) as cents, c.name as customer_name
from placed left join {{ ref('stg_customers') }} as c on c.customer_id = placed.customer_id
