//! Hearing of other processes: by notification, and by looking from time to time.
//!
//! Notifications are lost with their connection, and behind a pooler there are none. So those who
//! wait in this process are also told to look every few seconds, and twice a second while nothing
//! can be heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use super::notifier;
use super::pool::Shared;
use crate::store::StoreEvent;

/// Between two looks while notifications come, and while they do not.
const SELDOM: Duration = Duration::from_secs(5);
const OFTEN: Duration = Duration::from_millis(500);

/// After this long without a notification, the connection is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(20);

/// What the answer to that, and connecting, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause before listening again: the first, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Whether notifications come.
#[derive(Clone, Debug, Default)]
pub(in crate::store::postgres) struct Hearing(Arc<AtomicBool>);

impl Hearing {
    fn set(&self, hearing: bool) {
        self.0.store(hearing, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Listens for ever, and listens again after every loss.
pub(in crate::store::postgres) async fn listen(shared: Arc<Shared>, hearing: Hearing) {
    let Some(options) = shared.connector.listening() else {
        return;
    };
    let (first, longest) = BACKOFF;
    let mut pause = first;
    loop {
        if hear(&shared, options, &hearing).await {
            pause = first;
        }
        hearing.set(false);
        tokio::time::sleep(jittered(pause)).await;
        pause = (pause * 2).min(longest);
    }
}

/// Listens until the connection is lost; whether it was ever there.
async fn hear(shared: &Shared, options: &PgConnectOptions, hearing: &Hearing) -> bool {
    let herald = &shared.herald;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options.clone());
    let connecting = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(&herald.channel).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    let Ok(Ok(mut listener)) = tokio::time::timeout(PATIENCE, connecting).await else {
        return false;
    };
    hearing.set(true);
    // Nobody listened in between.
    herald.tell_here(StoreEvent::Elsewhere);
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Some(event) = notifier::read(notification.payload(), &herald.origin) {
                    herald.tell_here(event);
                }
            }
            Ok(Ok(None) | Err(_)) => return true,
            Err(_) => {
                let asking = sqlx::query("SELECT 1").execute(&mut listener);
                if !matches!(tokio::time::timeout(PATIENCE, asking).await, Ok(Ok(_))) {
                    return true;
                }
            }
        }
    }
}

/// Has those who wait look, for ever.
pub(in crate::store::postgres) async fn look_around(shared: Arc<Shared>, hearing: Hearing) {
    loop {
        let pause = if hearing.get() { SELDOM } else { OFTEN };
        tokio::time::sleep(jittered(pause)).await;
        if shared.herald.is_heard() {
            shared.herald.tell_here(StoreEvent::Elsewhere);
        }
    }
}

/// Never the same, so that the processes of a fleet do not look all at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.8 + 0.4 * fastrand::f64())
}
