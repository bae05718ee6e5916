-- What a person should look at, and whether they were told. Meaning: warehouse/README.md.
CREATE SCHEMA IF NOT EXISTS monitoring;

CREATE TABLE IF NOT EXISTS monitoring.alerts (
    alert_id VARCHAR PRIMARY KEY,
    run_id VARCHAR NOT NULL,         -- the run that raised it
    raised_at TIMESTAMP NOT NULL,    -- the wall clock, UTC
    raised_on DATE NOT NULL,         -- the product's clock
    rule VARCHAR NOT NULL,           -- a rule of params.yaml: monitoring.alerts
    subject VARCHAR NOT NULL,        -- what of it: a segment, a table, a step
    severity VARCHAR NOT NULL,       -- info | warning | critical
    owner VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    link VARCHAR NOT NULL,
    value DOUBLE,
    threshold DOUBLE,
    last_seen_at TIMESTAMP NOT NULL,
    times_seen INTEGER NOT NULL,
    is_notified BOOLEAN NOT NULL,    -- every channel has it
    due_at TIMESTAMP NOT NULL,       -- since when it is to be sent; a reminder sets it anew
    cooldown_until_date DATE NOT NULL,
    resolved_at TIMESTAMP            -- NULL: open
);

-- One row per attempt to send an alert.
CREATE TABLE IF NOT EXISTS monitoring.alert_deliveries (
    alert_id VARCHAR NOT NULL,
    channel VARCHAR NOT NULL,        -- webhook | e-mail
    attempted_at TIMESTAMP NOT NULL,
    is_delivered BOOLEAN NOT NULL,
    failure VARCHAR                  -- what went wrong, without addresses or secrets
);

-- Publications that a person let pass although totals had jumped.
CREATE TABLE IF NOT EXISTS monitoring.accepted_jumps (
    generation_id VARCHAR NOT NULL,
    previous_generation_id VARCHAR NOT NULL,
    accepted_at TIMESTAMP NOT NULL,
    actor VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,         -- the person's
    findings VARCHAR NOT NULL        -- what was let pass, with figures
);
