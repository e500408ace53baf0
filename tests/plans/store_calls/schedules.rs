//! Times of the calls about schedules.

use jobs::{Overlap, ScheduleRule};
use jobs_runtime::store::{FireAnswer, Firing, NewRun, ScheduleRecord};

use super::{CallTimes, NOW, ROUNDS, new};
use tests::process::now;

impl CallTimes<'_> {
    /// Fires a schedule whose earlier executions are live, and reads it.
    pub(super) async fn schedules(&mut self) {
        let name = format!("schedule-{}", self.made);
        let schedule = ScheduleRecord {
            name: name.clone(),
            job_id: "job-1".to_owned(),
            revision: 1,
            rule: ScheduleRule::new("* * * * * *"),
            payload: None,
            declared: None,
            overridden: false,
            paused_at: None,
            absent: None,
            evaluated_until: NOW,
            due_at: Some(NOW),
            created_at: NOW,
            updated_at: NOW,
        };
        let added = self.store.add_schedule(schedule, Vec::new()).await;
        assert!(added.unwrap());
        for round in 0..ROUNDS {
            let due = timed!(self, "due schedules", self.store.due_schedules(NOW, 100));
            let found = due.schedules.into_iter().find(|one| one.name == name);
            let schedule = found.expect("the schedule is due");
            self.made += 2;
            let mut executions = [new(self.made - 1), new(self.made)];
            executions.iter_mut().for_each(|new| new.run_at = None);
            let [fired, manual] = executions;
            let time = NOW.after(std::time::Duration::from_secs(round as u64));
            let firing = Firing {
                schedule: name.clone(),
                revision: schedule.revision,
                overlap: Overlap::Allow,
                runs: vec![NewRun {
                    time,
                    start: Ok(Box::new(fired)),
                }],
                evaluated_until: time,
                due_at: Some(NOW),
                now: NOW,
            };
            let answer = timed!(self, "fire", self.store.fire(firing));
            assert!(matches!(answer, FireAnswer::Fired(_)), "{answer:?}");
            let run = self.store.run_schedule(name.clone(), manual);
            timed!(self, "run a schedule", run).expect("the schedule exists");
            let runs = self.store.schedule_runs(name.clone(), 10);
            assert_eq!(
                timed!(self, "schedule runs", runs).len(),
                (round + 2).min(10)
            );
        }
    }
}
