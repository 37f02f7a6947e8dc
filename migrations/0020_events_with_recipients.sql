-- With the recipient in them, events are counted, looked through and put in order without being read.
DROP INDEX events_by_customer;
CREATE INDEX events_by_customer ON events (customer_id, occurred_at, id, recipient);
DROP INDEX events_by_email;
CREATE INDEX events_by_email ON events (email_id, occurred_at, id, recipient);
