//! Schedules: declared by a job, and created at run time with a payload.
//!
//! ```text
//! cargo run -p examples --example schedules
//! ```
//!
//! The program waits two seconds for the schedule of `tick`. An operator uses the commands
//! `schedules show tick:1`, `schedules pause tick:1` and `schedules run tokyo-report`.
//! `JOBS_DATABASE` sets the store; by default it is in memory.

#![expect(clippy::print_stdout, reason = "prints its observations")]

use std::time::Duration;

use jobs::{JobError, ScheduleRule, job};
use jobs_runtime::{NewSchedule, Runtime};

/// Runs every second.
#[job(id = "tick", schedule = ("* * * * * *", catch_up = "all(60)", overlap = "allow"))]
pub async fn tick() -> Result<(), JobError> {
    Ok(())
}

/// Runs at three in Paris every day, up to a minute later, and on the last day of each month. The
/// times of a week without a worker run one after another.
#[job(
    id = "report",
    schedule = (
        "0 3 * * *", timezone = "Europe/Paris", catch_up = "all(7)", overlap = "queue", jitter = "1m"
    ),
    schedule = ("0 0 L * *", overlap = "queue")
)]
pub async fn report(#[default("pdf")] format: String) -> Result<String, JobError> {
    Ok(format!("report.{format}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = std::env::var("JOBS_DATABASE").unwrap_or_else(|_| "sqlite::memory:".to_owned());
    let runtime = Runtime::builder().database(database).start().await?;
    let service = runtime.service();

    let tokyo = ScheduleRule {
        timezone: "Asia/Tokyo".to_owned(),
        ..ScheduleRule::new("0 7 * * MON-FRI")
    };
    let tokyo = service
        .create_schedule(NewSchedule {
            name: "tokyo-report".to_owned(),
            job_id: "report".to_owned(),
            rule: tokyo,
            payload: Some(r#"{"format":"csv"}"#.to_owned()),
        })
        .await?;
    let next = tokyo.next_times[0].to_string();
    println!("the next report for Tokyo is at {} UTC", &next[11..16]);

    let tick = loop {
        let tick = service.schedule("tick:1").await?;
        if tick.runs.len() > 1 {
            break tick;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let between = tick.runs[0].time.since(tick.runs[1].time);
    println!("two ticks are {} ms apart", between.as_millis());

    let paused = service.pause_schedule("tick:1").await?;
    println!("the schedule of the ticks is {}", paused.schedule.status);

    let run = service.run_schedule("tokyo-report").await?;
    let id = run.execution_id.ok_or("the job accepts it")?;
    service.finished(id).await?;
    let record = runtime.store().execution(id).await?.ok_or("it exists")?;
    let result = record.result.ok_or("it has succeeded")?;
    println!(
        "a manual run by {} made {}",
        record.triggered_by,
        result.get()
    );

    for schedule in service.schedules().await? {
        println!("{} {}", schedule.id, schedule.rule.cron);
    }
    runtime.shutdown().await;
    Ok(())
}
