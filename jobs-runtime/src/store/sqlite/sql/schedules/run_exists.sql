-- True if the time $2 of the schedule $1 is recorded.
SELECT EXISTS (
    SELECT 1 FROM jobs_schedule_runs WHERE schedule = $1 AND time = $2 AND NOT manual
)
