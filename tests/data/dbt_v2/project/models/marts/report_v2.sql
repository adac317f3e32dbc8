select customer_name, count(*) as orders, sum(cents) as cents from {{ ref('orders') }} group by customer_name
