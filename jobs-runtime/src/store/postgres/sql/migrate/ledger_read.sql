-- Reads the ledger of applied migrations, in their order. The ledger of an earlier build has no
-- column `compatible_from`.
SELECT
    version, name, checksum, applied_at,
    (to_jsonb(m) ->> 'compatible_from')::integer AS compatible_from
FROM jobs.migrations AS m
ORDER BY version
