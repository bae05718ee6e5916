-- Alerts, attempts to send them, and approved jumps. Meanings: warehouse/README.md.
CREATE SCHEMA IF NOT EXISTS monitoring;

CREATE TABLE IF NOT EXISTS monitoring.alerts (
    alert_id VARCHAR PRIMARY KEY,
    run_id VARCHAR NOT NULL,         -- run that raised the alert
    raised_at TIMESTAMP NOT NULL,    -- wall clock, UTC
    raised_on DATE NOT NULL,         -- business date
    rule VARCHAR NOT NULL,           -- a rule of params.yaml: monitoring.alerts
    subject VARCHAR NOT NULL,        -- a segment, a table, a suite or a step
    severity VARCHAR NOT NULL,       -- info | warning | critical
    owner VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    link VARCHAR NOT NULL,
    value DOUBLE,
    threshold DOUBLE,
    last_seen_at TIMESTAMP NOT NULL,
    times_seen INTEGER NOT NULL,
    is_notified BOOLEAN NOT NULL,    -- sent to all channels
    due_at TIMESTAMP NOT NULL,       -- time from which it must be sent; a reminder resets it
    cooldown_until_date DATE NOT NULL,
    resolved_at TIMESTAMP            -- NULL: open
);

-- One row per attempt to send an alert.
CREATE TABLE IF NOT EXISTS monitoring.alert_deliveries (
    alert_id VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,        -- webhook | e-mail
    attempted_at TIMESTAMP NOT NULL,
    is_delivered BOOLEAN NOT NULL,
    failure VARCHAR                  -- reason of the failure, without addresses or secrets
);

-- Publications that a person approved although totals had jumped.
CREATE TABLE IF NOT EXISTS monitoring.accepted_jumps (
    generation_id VARCHAR NOT NULL,
    previous_generation_id VARCHAR NOT NULL,
    accepted_at TIMESTAMP NOT NULL,
    actor VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,         -- reason of the approval
    findings VARCHAR NOT NULL        -- the approved jumps, with figures
);
