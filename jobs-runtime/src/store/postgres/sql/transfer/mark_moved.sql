-- Marks the store as moved: no execution and no session is added. Runs as a script, after the name
-- of the other store was written.
CREATE OR REPLACE FUNCTION jobs.refuse_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this store was moved' USING ERRCODE = 'JM001';
END
$$;
DROP TRIGGER IF EXISTS moved ON jobs.executions;
CREATE TRIGGER moved BEFORE INSERT ON jobs.executions
    FOR EACH STATEMENT EXECUTE FUNCTION jobs.refuse_moved();
DROP TRIGGER IF EXISTS moved ON jobs.inbox;
CREATE TRIGGER moved BEFORE INSERT ON jobs.inbox
    FOR EACH STATEMENT EXECUTE FUNCTION jobs.refuse_moved();
DROP TRIGGER IF EXISTS moved ON jobs.sessions;
CREATE TRIGGER moved BEFORE INSERT ON jobs.sessions
    FOR EACH STATEMENT EXECUTE FUNCTION jobs.refuse_moved();
