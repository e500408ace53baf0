//! Events of other processes: by LISTEN and by polling.
//!
//! Notifications are lost with their connection, and behind a pooler there may be none. The
//! subscribers in this process are therefore also told to poll: every 5 s while notifications
//! arrive, every 500 ms while they do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use super::notifier;
use super::pool::Shared;
use crate::store::StoreEvent;

/// Pause between two polls while notifications arrive, and while they do not.
const POLL_CONNECTED: Duration = Duration::from_secs(5);
const POLL_DISCONNECTED: Duration = Duration::from_millis(500);

/// Time without a notification after which the connection is probed.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Time limit of a probe and of connecting.
const TIMEOUT: Duration = Duration::from_secs(10);

/// First and longest pause before the connection is opened again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// State of the connection that receives notifications: true while it is open.
#[derive(Clone, Debug, Default)]
pub(in crate::store::postgres) struct Listener(Arc<AtomicBool>);

impl Listener {
    fn set_connected(&self, connected: bool) {
        self.0.store(connected, Ordering::Relaxed);
    }

    fn is_connected(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Listens for notifications and reconnects after every loss. Returns at once if there is no
/// address for LISTEN.
pub(in crate::store::postgres) async fn listen(shared: Arc<Shared>, listener: Listener) {
    let Some(options) = shared.connector.listening() else {
        return;
    };
    let (first, longest) = BACKOFF;
    let mut pause = first;
    loop {
        if listen_once(&shared, options, &listener).await {
            pause = first;
        }
        listener.set_connected(false);
        tokio::time::sleep(jittered(pause)).await;
        pause = (pause * 2).min(longest);
    }
}

/// Listens until the connection is lost. Returns true if it was ever established.
async fn listen_once(shared: &Shared, options: &PgConnectOptions, listener: &Listener) -> bool {
    let notifier = &shared.notifier;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(TIMEOUT)
        .connect_lazy_with(options.clone());
    let connecting = async {
        let mut connection = PgListener::connect_with(&pool).await?;
        connection.eager_reconnect(false);
        connection.listen(&notifier.channel).await?;
        Ok::<_, sqlx::Error>(connection)
    };
    let Ok(Ok(mut connection)) = tokio::time::timeout(TIMEOUT, connecting).await else {
        return false;
    };
    listener.set_connected(true);
    // Notifications of the time before were missed.
    notifier.publish_locally(StoreEvent::Elsewhere);
    loop {
        match tokio::time::timeout(KEEPALIVE, connection.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Some(event) = notifier::parse(notification.payload(), &notifier.origin) {
                    notifier.publish_locally(event);
                }
            }
            Ok(Ok(None) | Err(_)) => return true,
            Err(_) => {
                let probing = sqlx::query("SELECT 1").execute(&mut connection);
                if !matches!(tokio::time::timeout(TIMEOUT, probing).await, Ok(Ok(_))) {
                    return true;
                }
            }
        }
    }
}

/// Tells the subscribers of this process to poll, again and again. Never returns.
pub(in crate::store::postgres) async fn poll(shared: Arc<Shared>, listener: Listener) {
    loop {
        let pause = if listener.is_connected() {
            POLL_CONNECTED
        } else {
            POLL_DISCONNECTED
        };
        tokio::time::sleep(jittered(pause)).await;
        if shared.notifier.has_subscribers() {
            shared.notifier.publish_locally(StoreEvent::Elsewhere);
        }
    }
}

/// Varies a pause by up to a fifth, so that the processes of a fleet do not poll at the same time.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.8 + 0.4 * fastrand::f64())
}
