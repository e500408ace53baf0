-- Removes the mark of a moved store. Runs as a script.
DROP TRIGGER IF EXISTS moved ON jobs.executions;
DROP TRIGGER IF EXISTS moved ON jobs.inbox;
DROP TRIGGER IF EXISTS moved ON jobs.sessions;
DROP FUNCTION IF EXISTS jobs.refuse_moved();
