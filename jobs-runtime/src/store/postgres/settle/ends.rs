//! Ends of attempts as parameters of the settling statements: one array per column.

use std::borrow::Cow;

use crate::store::postgres::conn::text::encode;
use crate::store::{Next, Permits, Settlement};
use crate::time::Timestamp;

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Ends of attempts in columns.
#[derive(Default)]
pub(super) struct Ends<'s> {
    seq: Vec<i64>,
    session: Vec<i64>,
    claim: Vec<i64>,
    attempt: Vec<i64>,
    outcome: Vec<&'static str>,
    started_at: Vec<i64>,
    finished_at: Vec<i64>,
    percent: Vec<i16>,
    error_kind: Vec<Option<&'static str>>,
    error_message: Vec<Option<Cow<'s, str>>>,
    message: Vec<Option<Cow<'s, str>>>,
    retained: Vec<bool>,
    paused_until: Vec<Option<i64>>,
}

impl<'s> Ends<'s> {
    pub(super) fn of(settlements: impl Iterator<Item = &'s Settlement>) -> Self {
        let mut ends = Self::default();
        for Settlement {
            fence,
            end,
            next,
            permits,
            execution_id: _,
        } in settlements
        {
            let progress = end.progress.as_ref();
            let percent = match next {
                Next::Succeed(_) => 100,
                _ => progress.map_or(0, |progress| progress.percent),
            };
            let error = end.error.as_ref();
            ends.seq.push(fence.row);
            ends.session.push(fence.session.0);
            ends.claim.push(fence.claim);
            ends.attempt.push(i64::from(fence.attempt));
            ends.outcome.push(end.outcome.as_str());
            ends.started_at.push(end.started_at.as_millis());
            ends.finished_at.push(end.finished_at.as_millis());
            ends.percent.push(i16::from(percent));
            ends.error_kind.push(error.map(|error| error.kind.as_str()));
            ends.error_message
                .push(error.map(|error| encode(&error.message)));
            let message = progress.and_then(|progress| progress.message.as_deref());
            ends.message.push(message.map(encode));
            // Arrays that are shorter than the others read as NULL: no limits.
            if let Some(Permits {
                retained,
                paused_until,
                token: _,
            }) = permits
            {
                ends.retained.resize(ends.seq.len() - 1, false);
                ends.retained.push(*retained);
                ends.paused_until.resize(ends.seq.len() - 1, None);
                ends.paused_until
                    .push(paused_until.map(Timestamp::as_millis));
            }
        }
        ends
    }

    /// Binds $1 to $14; `fifth` binds $5.
    pub(super) fn bind<'q>(
        self,
        query: Query<'q>,
        fifth: impl FnOnce(Query<'q>) -> Query<'q>,
    ) -> Query<'q> {
        let query = query
            .bind(self.seq)
            .bind(self.session)
            .bind(self.claim)
            .bind(self.attempt);
        fifth(query)
            .bind(self.outcome)
            .bind(self.started_at)
            .bind(self.finished_at)
            .bind(self.percent)
            .bind(self.error_kind)
            .bind(self.error_message)
            .bind(self.message)
            .bind(self.retained)
            .bind(self.paused_until)
    }
}
