{{ config(materialized='incremental', unique_key='customer_id', incremental_strategy='delete+insert') }}
select c.customer_id, c.name, t.total, t.last_placed_at
from {{ ref('stg_customers') }} as c left join {{ ref('int_order_totals') }} as t using (customer_id)
{% if is_incremental() %} where t.last_placed_at >= (select max(last_placed_at) from {{ this }}) {% endif %}
