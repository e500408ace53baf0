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
    if let Err(message) = rule.catch_up.check_with(rule.overlap) {
        violations.push(violation("catchUp", message));
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

/// Compares a job's declared schedules with the known ones, and returns the writes that are needed,
/// in their order.
///
/// A schedule of an earlier id of the job becomes absent before one of the new id takes its place:
/// no time belongs to both.
pub(super) fn declare(
    job: &JobDescriptor,
    known: &BTreeMap<String, ScheduleRecord>,
    now: Timestamp,
) -> Vec<Write> {
    let name = |place: usize| format!("{}:{}", job.id, place + 1);
    let names: Vec<_> = (0..job.schedule.len()).map(name).collect();
    let is_of_job = |id: &String| *id == job.id || job.aliases.contains(id);
    let gone = known
        .values()
        .filter(|record| is_of_job(&record.job_id) && record.declared.is_some())
        .filter(|record| !names.contains(&record.name))
        .filter(|record| record.absent != Some(Absence::Declaration));
    let mut writes: Vec<_> = gone.map(|record| remove(record.clone(), now)).collect();
    for (place, (name, rule)) in names.into_iter().zip(&job.schedule).enumerate() {
        let Some(before) = known.get(&name) else {
            let record = match earlier(job, place, known) {
                Some(earlier) => renamed(name, &job.id, earlier.clone(), now),
                None => new_record(name, &job.id, rule.clone(), now),
            };
            writes.push(Write::Add(declared(record, rule, now)));
            continue;
        };
        let mut record = declared(before.clone(), rule, now);
        if record != *before {
            record.updated_at = now;
            writes.push(Write::Update(record));
        }
    }
    writes
}

/// Finds the schedule of this place under an earlier id of the job.
fn earlier<'k>(
    job: &JobDescriptor,
    place: usize,
    known: &'k BTreeMap<String, ScheduleRecord>,
) -> Option<&'k ScheduleRecord> {
    let names = job.aliases.iter();
    let mut names = names.map(|alias| format!("{alias}:{}", place + 1));
    let found = names.find_map(|name| known.get(&name));
    found.filter(|record| record.declared.is_some())
}

/// Returns a schedule under a new name. Its times, pause and edits stay.
fn renamed(name: String, job_id: &str, earlier: ScheduleRecord, now: Timestamp) -> ScheduleRecord {
    ScheduleRecord {
        name,
        job_id: job_id.to_owned(),
        revision: 1,
        absent: None,
        due_at: None,
        created_at: now,
        updated_at: now,
        ..earlier
    }
}

/// Brings a schedule in line with its declaration.
fn declared(before: ScheduleRecord, rule: &ScheduleRule, now: Timestamp) -> ScheduleRecord {
    let mut record = before.clone();
    if record.declared.as_ref() != Some(rule) {
        record.declared = Some(rule.clone());
        // A program that now declares what the operator wanted ends the override.
        record.overridden &= record.rule != *rule;
        if !record.overridden {
            record.rule = rule.clone();
            record.evaluated_until = record.evaluated_until.max(now);
        }
    }
    if record.absent == Some(Absence::Declaration) {
        record.absent = None;
    }
    if record != before || record.due_at.is_none() {
        plan(&mut record);
    }
    record
}

fn remove(mut record: ScheduleRecord, now: Timestamp) -> Write {
    record.absent = Some(Absence::Declaration);
    record.due_at = None;
    record.updated_at = now;
    Write::Update(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn job(id: &str, aliases: &[&str], rules: &[&str]) -> JobDescriptor {
        let value = serde_json::json!({
            "id": id, "aliases": aliases, "label": "", "description": "", "queue": "default",
            "routingKey": "jobs.report", "priority": 50, "timeoutMs": null, "maxAttempts": 1,
            "retryDelaysMs": [], "tags": [], "enabled": true, "handler": "linked",
            "payloadSchema": {}, "resultSchema": {}, "source": "",
            "schedule": rules.iter().map(|cron| serde_json::json!({"cron": cron}))
                .collect::<Vec<_>>(),
        });
        serde_json::from_value(value).expect("a descriptor")
    }

    fn publish(known: &mut BTreeMap<String, ScheduleRecord>, rules: &[&str]) -> usize {
        apply(known, &job("report", &[], rules))
    }

    /// Applies the declaration to the known schedules, as a store does.
    fn apply(known: &mut BTreeMap<String, ScheduleRecord>, job: &JobDescriptor) -> usize {
        let writes = declare(job, known, NOW);
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
    #[test]
    fn the_schedules_of_a_renamed_job_keep_their_times_and_pauses() {
        let mut known = BTreeMap::new();
        apply(
            &mut known,
            &job("report", &[], &["@daily", "@hourly", "@weekly"]),
        );
        let earlier = Timestamp::from_millis(NOW.as_millis() - 1_000);
        for record in known.values_mut() {
            record.evaluated_until = earlier;
        }
        let paused = known.get_mut("report:2").expect("it exists");
        paused.paused_at = Some(NOW);
        paused.due_at = None;

        let renamed = job("report.new", &["old", "report"], &["@daily", "@hourly"]);
        assert_eq!(apply(&mut known, &renamed), 5);
        for name in ["report:1", "report:2", "report:3"] {
            let gone = &known[name];
            assert_eq!(gone.absent, Some(Absence::Declaration), "{name}");
            assert_eq!(gone.due_at, None, "{name}");
        }
        let (first, second) = (&known["report.new:1"], &known["report.new:2"]);
        assert_eq!(
            (&*first.job_id, first.evaluated_until),
            ("report.new", earlier)
        );
        assert!(first.due_at.is_some() && first.absent.is_none());
        assert_eq!((second.paused_at, second.due_at), (Some(NOW), None));
        assert_eq!(apply(&mut known, &renamed), 0);
    }

    #[test]
    fn a_rule_that_would_drop_missed_times_is_refused() {
        let mut rule = ScheduleRule::new("@daily");
        rule.catch_up = CatchUp::All(7);
        let pointers = |rule: &ScheduleRule| {
            let found = rule_violations(rule).into_iter();
            found.map(|one| one.pointer).collect::<Vec<_>>()
        };
        assert_eq!(pointers(&rule), ["/catchUp"]);
        rule.overlap = Overlap::Queue;
        assert!(pointers(&rule).is_empty());
        rule.overlap = Overlap::Skip;
        rule.catch_up = CatchUp::All(1);
        assert!(pointers(&rule).is_empty());
    }
}
