-- Records the store $1 that the contents were moved to; NULL removes it.
UPDATE jobs.installation SET moved_to = $1
