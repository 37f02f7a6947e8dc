-- What all emails of a customer come to has a scope of its own, without domain, tag and stream, so that it is read by as many
-- rows as there are hours or days, however many tags there are. The others say by `whole_id` which one that is.
ALTER TABLE stat_scopes ADD COLUMN whole_id INTEGER REFERENCES stat_scopes (id);
INSERT INTO stat_scopes (customer_id, domain_id, tag, stream_type)
    SELECT DISTINCT customer_id, '', '', '' FROM stat_scopes;
UPDATE stat_scopes SET whole_id = (SELECT wholes.id FROM stat_scopes AS wholes
    WHERE wholes.customer_id = stat_scopes.customer_id AND wholes.domain_id = '') WHERE domain_id <> '';
INSERT INTO stat_counts SELECT whole_id, span, starts_at,
    SUM(sent), SUM(delivered), SUM(bounced_hard), SUM(bounced_soft), SUM(bounced_untyped), SUM(failed),
    SUM(complained), SUM(unsubscribed), SUM(human_opens), SUM(suspicious_opens), SUM(scanner_opens),
    SUM(human_clicks), SUM(suspicious_clicks), SUM(scanner_clicks), SUM(unique_opens), SUM(unique_human_opens),
    SUM(unique_scanner_opens), SUM(unique_clicks), SUM(unique_human_clicks), SUM(unique_scanner_clicks)
    FROM stat_counts JOIN stat_scopes ON stat_scopes.id = scope_id GROUP BY 1, 2, 3;
INSERT INTO stat_details SELECT whole_id, span, kind, starts_at, word, SUM(total)
    FROM stat_details JOIN stat_scopes ON stat_scopes.id = scope_id GROUP BY 1, 2, 3, 4, 5;
