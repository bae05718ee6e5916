-- Who accepted a file that was held.
ALTER TABLE raw.loads ADD COLUMN IF NOT EXISTS accepted_by VARCHAR;
