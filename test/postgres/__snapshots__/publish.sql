select count(pg_notify($1::text, message.body))
from unnest($2::text[]) as message (body)
where pg_notification_queue_usage() < 0.5
