//! Changes of schedules: the values of a request, their checks, and the rule of a declaration.

use std::collections::BTreeMap;

use jobs::{CatchUp, JobDescriptor, Overlap, ScheduleRule, Violation};

use super::ScheduleError;
use crate::schedule::plan::next_due;
use crate::schedule::{Timetable, TimetableError};
use crate::store::{Absence, ScheduleRecord};
use crate::time::Timestamp;

/// The longest delay by jitter: a day.
const MAX_JITTER_MS: u64 = 24 * 60 * 60 * 1_000;

/// A schedule to create.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    /// The name: an id as jobs have them.
    pub name: String,
    /// The job.
    pub job_id: String,
    /// The rule; a new one with `cron` if only that is known.
    pub rule: ScheduleRule,
    /// The payload: JSON text; the job's defaults if `None`.
    pub payload: Option<String>,
}

impl NewSchedule {
    /// The mistakes in the name and the rule.
    pub(super) fn violations(&self) -> Vec<Violation> {
        let mut violations = rule_violations(&self.rule);
        if let Err(message) = jobs::runtime::check_id(&self.name) {
            violations.insert(0, violation("id", message));
        }
        violations
    }

    pub(super) fn into_record(
        self,
        job_id: &str,
        now: Timestamp,
    ) -> Result<ScheduleRecord, ScheduleError> {
        check_rule(&self.rule)?;
        let mut record = new_record(self.name, job_id, self.rule, now);
        record.payload = self.payload;
        plan_from(&mut record, now);
        Ok(record)
    }
}

/// Changes of a schedule. A field that is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ScheduleEdit {
    /// The new cron expression.
    pub cron: Option<String>,
    /// The new time zone.
    pub timezone: Option<String>,
    /// The new treatment of missed times: `none`, `one` or `all(24)`.
    pub catch_up: Option<String>,
    /// The new overlap: `skip`, `queue` or `allow`.
    pub overlap: Option<String>,
    /// The new longest delay, in milliseconds.
    pub jitter_ms: Option<u64>,
    /// The new payload, as JSON text; `Some(None)` for the job's defaults.
    pub payload: Option<Option<String>>,
}

impl ScheduleEdit {
    /// Returns whether the edit changes nothing.
    pub fn is_empty(&self) -> bool {
        let Self {
            cron,
            timezone,
            catch_up,
            overlap,
            jitter_ms,
            payload,
        } = self;
        let texts = [cron, timezone, catch_up, overlap];
        texts.iter().all(|text| text.is_none()) && jitter_ms.is_none() && payload.is_none()
    }

    /// Applies the edit to a rule. Returns the mistakes in the new values.
    pub fn apply(&self, rule: &mut ScheduleRule) -> Vec<Violation> {
        let mut violations = Vec::new();
        if let Some(cron) = &self.cron {
            rule.cron.clone_from(cron);
        }
        if let Some(timezone) = &self.timezone {
            rule.timezone.clone_from(timezone);
        }
        match self.catch_up.as_deref().map(str::parse::<CatchUp>) {
            Some(Ok(catch_up)) => rule.catch_up = catch_up,
            Some(Err(message)) => violations.push(violation("catchUp", message)),
            None => {}
        }
        match self.overlap.as_deref().map(str::parse::<Overlap>) {
            Some(Ok(overlap)) => rule.overlap = overlap,
            Some(Err(message)) => violations.push(violation("overlap", message)),
            None => {}
        }
        if let Some(jitter_ms) = self.jitter_ms {
            rule.jitter_ms = jitter_ms;
        }
        violations.extend(rule_violations(rule));
        violations
    }
}

fn rule_violations(rule: &ScheduleRule) -> Vec<Violation> {
    let mut violations = Vec::new();
    match Timetable::new(rule) {
        Err(TimetableError::Cron(message)) => violations.push(violation("cron", message)),
        Err(TimetableError::Timezone(message)) => violations.push(violation("timezone", message)),
        Ok(_) => {}
    }
    if rule.jitter_ms > MAX_JITTER_MS {
        let message = format!("must be at most {MAX_JITTER_MS}, which is a day");
        violations.push(violation("jitterMs", message));
    }
    violations
}

fn violation(field: &str, message: String) -> Violation {
    Violation {
        pointer: format!("/{field}"),
        message,
    }
}

/// Rejects a rule that has no time at all.
pub(super) fn check_rule(rule: &ScheduleRule) -> Result<(), ScheduleError> {
    let violations = rule_violations(rule);
    if violations.is_empty() {
        Ok(())
    } else {
        Err(ScheduleError::Invalid(violations))
    }
}

/// Starts the times of a schedule anew after `now`.
pub(super) fn plan_from(record: &mut ScheduleRecord, now: Timestamp) {
    // Not before the times that have been considered: a clock that went back repeats none.
    record.evaluated_until = record.evaluated_until.max(now);
    plan(record);
}

fn plan(record: &mut ScheduleRecord) {
    let is_active = record.paused_at.is_none() && record.absent.is_none();
    record.due_at = match Timetable::new(&record.rule) {
        Ok(timetable) if is_active => next_due(record, &timetable),
        _ => None,
    };
}

fn new_record(name: String, job_id: &str, rule: ScheduleRule, now: Timestamp) -> ScheduleRecord {
    ScheduleRecord {
        name,
        job_id: job_id.to_owned(),
        revision: 1,
        rule,
        payload: None,
        declared: None,
        overridden: false,
        paused_at: None,
        absent: None,
        evaluated_until: now,
        due_at: None,
        created_at: now,
        updated_at: now,
    }
}

/// A write that brings a schedule in line with its declaration.
#[derive(Debug)]
pub(super) enum Write {
    Add(ScheduleRecord),
    Update(ScheduleRecord),
}

/// Compares a job's declared schedules with the known ones, and returns the writes that are needed.
/// Takes the job's schedules out of `known`.
pub(super) fn declare(
    job: &JobDescriptor,
    known: &mut BTreeMap<String, ScheduleRecord>,
    now: Timestamp,
) -> Vec<Write> {
    let mut writes = Vec::new();
    for (place, rule) in job.schedule.iter().enumerate() {
        let name = format!("{}:{}", job.id, place + 1);
        let Some(before) = known.remove(&name) else {
            let mut record = new_record(name, &job.id, rule.clone(), now);
            record.declared = Some(rule.clone());
            plan(&mut record);
            writes.push(Write::Add(record));
            continue;
        };
        let mut record = before.clone();
        if record.absent == Some(Absence::Declaration) {
            record.absent = None;
            plan(&mut record);
        }
        if record.declared.as_ref() != Some(rule) {
            record.declared = Some(rule.clone());
            // A program that now declares what the operator wanted ends the override.
            record.overridden &= record.rule != *rule;
            if !record.overridden {
                record.rule = rule.clone();
                plan_from(&mut record, now);
            }
        }
        if record != before {
            record.updated_at = now;
            writes.push(Write::Update(record));
        }
    }
    let gone = known
        .values()
        .filter(|record| record.job_id == job.id && record.declared.is_some())
        .filter(|record| record.absent != Some(Absence::Declaration));
    for record in gone {
        let mut record = record.clone();
        record.absent = Some(Absence::Declaration);
        record.due_at = None;
        record.updated_at = now;
        writes.push(Write::Update(record));
    }
    writes
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn job(rules: &[&str]) -> JobDescriptor {
        let value = serde_json::json!({
            "id": "report", "label": "", "description": "", "queue": "default",
            "routingKey": "jobs.report", "priority": 50, "timeoutMs": null, "maxAttempts": 1,
            "retryDelaysMs": [], "tags": [], "enabled": true, "handler": "linked",
            "payloadSchema": {}, "resultSchema": {}, "source": "",
            "schedule": rules.iter().map(|cron| serde_json::json!({"cron": cron}))
                .collect::<Vec<_>>(),
        });
        serde_json::from_value(value).expect("a descriptor")
    }

    /// Applies the declaration to the known schedules, as a store does.
    fn publish(known: &mut BTreeMap<String, ScheduleRecord>, rules: &[&str]) -> usize {
        let writes = declare(&job(rules), &mut known.clone(), NOW);
        let count = writes.len();
        for write in writes {
            let (Write::Add(record) | Write::Update(record)) = write;
            known.insert(record.name.clone(), record);
        }
        count
    }

    #[test]
    fn a_changed_declaration_changes_its_schedule_only() {
        let mut known = BTreeMap::new();
        assert_eq!(publish(&mut known, &["@daily", "@hourly"]), 2);
        assert_eq!(publish(&mut known, &["@daily", "@hourly"]), 0);
        let names: Vec<_> = known.keys().cloned().collect();
        assert_eq!(names, ["report:1", "report:2"]);
        assert_eq!(publish(&mut known, &["@daily", "@weekly"]), 1);
        assert_eq!(known["report:2"].rule.cron, "@weekly");
        assert!(known["report:2"].due_at.is_some());
    }

    #[test]
    fn an_overridden_schedule_is_kept() {
        let mut known = BTreeMap::new();
        publish(&mut known, &["@daily"]);
        let record = known.get_mut("report:1").expect("it exists");
        record.rule.cron = "@weekly".to_owned();
        record.overridden = true;
        assert_eq!(publish(&mut known, &["@daily"]), 0);
        assert_eq!(publish(&mut known, &["@hourly"]), 1);
        let record = &known["report:1"];
        assert_eq!(record.rule.cron, "@weekly");
        assert_eq!(
            record.declared.as_ref().map(|rule| &*rule.cron),
            Some("@hourly")
        );
        assert!(record.overridden);
        publish(&mut known, &["@weekly"]);
        assert!(!known["report:1"].overridden);
    }

    #[test]
    fn a_declaration_that_is_gone_makes_its_schedule_absent() {
        let mut known = BTreeMap::new();
        publish(&mut known, &["@daily", "@hourly"]);
        assert_eq!(publish(&mut known, &["@daily"]), 1);
        let gone = &known["report:2"];
        assert_eq!(
            (gone.absent, gone.due_at),
            (Some(Absence::Declaration), None)
        );
        assert_eq!(publish(&mut known, &["@daily"]), 0);
        assert_eq!(publish(&mut known, &["@daily", "@hourly"]), 1);
        let back = &known["report:2"];
        assert!(back.absent.is_none() && back.due_at.is_some());
    }
}
