//! What a point needs is the type of its argument.
//!
//! Most need one store. What not every database offers (another handle, a transaction, a damaged
//! row) makes the point [not applicable](Verdict::NotApplicable) where it is missing.

use std::sync::Arc;

use async_trait::async_trait;
use jobs::ExecutionId;

use super::Verdict;
use super::backend::{Backend, BackendError, Damage, Database, Transaction, Write};
use super::fixtures::AnyStore;

/// The database of one point, and where others come from.
#[derive(Clone)]
pub(super) struct TestContext {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) database: Arc<dyn Database>,
}

impl TestContext {
    pub(super) async fn fresh(backend: &Arc<dyn Backend>) -> Result<Self, Verdict> {
        Ok(Self {
            backend: Arc::clone(backend),
            database: Arc::from(backend.fresh().await.map_err(broken)?),
        })
    }
}

/// An argument of a point.
#[async_trait]
pub(super) trait Capability: Sized {
    /// Prepares it, or says why there is none.
    async fn prepare(context: &TestContext) -> Result<Self, Verdict>;
}

fn broken(error: impl Into<BackendError>) -> Verdict {
    let error = error.into();
    Verdict::Failed(format!("the backend is not prepared: {error}"))
}

/// A store with its layout.
#[async_trait]
impl Capability for AnyStore {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let store = context.database.store();
        store.migrate().await.map_err(broken)?;
        Ok(store)
    }
}

/// A database without a layout, and two handles on it if there can be two.
pub(super) struct Unmigrated(pub(super) [AnyStore; 2]);

#[async_trait]
impl Capability for Unmigrated {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let here = context.database.store();
        let there = context.database.another().await.map_err(broken)?;
        let there = there.unwrap_or_else(|| Arc::clone(&here));
        Ok(Self([here, there]))
    }
}

/// Two handles, or the same one twice where there is no other process: for what must hold either
/// way.
pub(super) struct Handles(pub(super) [AnyStore; 2]);

#[async_trait]
impl Capability for Handles {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let Unmigrated(handles) = Unmigrated::prepare(context).await?;
        handles[0].migrate().await.map_err(broken)?;
        Ok(Self(handles))
    }
}

/// Two handles as two processes have them.
pub(super) struct TwoProcesses {
    pub(super) here: AnyStore,
    pub(super) there: AnyStore,
}

#[async_trait]
impl Capability for TwoProcesses {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let Handles([here, there]) = Handles::prepare(context).await?;
        if Arc::ptr_eq(&here, &there) {
            return Err(Verdict::NotApplicable("no other process can open it"));
        }
        Ok(Self { here, there })
    }
}

/// A store that joins transactions.
pub(super) struct Transactional {
    pub(super) store: AnyStore,
    context: TestContext,
}

impl Transactional {
    pub(super) async fn begin(&self) -> Box<dyn Transaction> {
        let tx = self
            .context
            .database
            .begin()
            .await
            .expect("a transaction begins");
        tx.expect("one began before")
    }
}

#[async_trait]
impl Capability for Transactional {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let store = AnyStore::prepare(context).await?;
        match context.database.begin().await.map_err(broken)? {
            Some(tx) => tx.roll_back().await.map_err(broken)?,
            None => return Err(Verdict::NotApplicable("it joins no transaction")),
        }
        Ok(Self {
            store,
            context: context.clone(),
        })
    }
}

/// A store whose rows can be damaged.
pub(super) struct Damageable {
    pub(super) store: AnyStore,
    context: TestContext,
}

impl Damageable {
    pub(super) async fn damage(&self, id: ExecutionId, what: Damage) {
        let damaged = self.context.database.damage(id, what).await;
        assert!(damaged.expect("the row is damaged"));
    }
}

#[async_trait]
impl Capability for Damageable {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let store = AnyStore::prepare(context).await?;
        // An id that is not there: asks whether it could.
        let unknown = super::fixtures::id();
        let retries = context.database.damage(unknown, Damage::Retries);
        if !retries.await.map_err(broken)? {
            return Err(Verdict::NotApplicable("its rows cannot be damaged here"));
        }
        Ok(Self {
            store,
            context: context.clone(),
        })
    }
}

/// A store whose database can be told to refuse a write.
pub(super) struct Rejecting {
    pub(super) store: AnyStore,
    context: TestContext,
}

impl Rejecting {
    pub(super) async fn refuse(&self, id: ExecutionId, write: Write) {
        let refused = self.context.database.refuse(id, write, true).await;
        assert!(refused.expect("the write is refused from now on"));
    }

    pub(super) async fn allow(&self, id: ExecutionId, write: Write) {
        let allowed = self.context.database.refuse(id, write, false).await;
        assert!(allowed.expect("the write is taken again"));
    }
}

#[async_trait]
impl Capability for Rejecting {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let store = AnyStore::prepare(context).await?;
        // An id that is not there: asks whether it could.
        let unknown = super::fixtures::id();
        let refused = context.database.refuse(unknown, Write::Execution, true);
        if !refused.await.map_err(broken)? {
            return Err(Verdict::NotApplicable(
                "it cannot be told to refuse a write",
            ));
        }
        Ok(Self {
            store,
            context: context.clone(),
        })
    }
}

/// For a point that prepares its databases itself.
#[async_trait]
impl Capability for TestContext {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        Ok(context.clone())
    }
}
