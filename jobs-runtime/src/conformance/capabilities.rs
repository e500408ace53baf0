//! Capabilities that a check needs of a backend: the type of its argument.
//!
//! Most checks need one store. Further handles, transactions, damaged rows and rejected writes are
//! optional. A check that needs one of them is [not applicable](Verdict::NotApplicable) to a
//! backend without it.

use std::sync::Arc;

use async_trait::async_trait;
use jobs::ExecutionId;

use super::Verdict;
use super::backend::{Backend, BackendError, Damage, Database, Transaction, Write};
use super::fixtures::AnyStore;

/// The database of one check, and the backend that creates further ones.
#[derive(Clone)]
pub(super) struct TestContext {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) database: Arc<dyn Database>,
}

impl TestContext {
    pub(super) async fn create(backend: &Arc<dyn Backend>) -> Result<Self, Verdict> {
        let database = backend.create_database().await.map_err(setup_failed)?;
        Ok(Self {
            backend: Arc::clone(backend),
            database: Arc::from(database),
        })
    }
}

/// The argument of a check.
#[async_trait]
pub(super) trait Capability: Sized {
    /// Prepares the capability, or returns why there is none.
    async fn prepare(context: &TestContext) -> Result<Self, Verdict>;
}

fn setup_failed(error: impl Into<BackendError>) -> Verdict {
    let error = error.into();
    Verdict::Failed(format!("the backend failed before the check: {error}"))
}

/// A store with its layout.
#[async_trait]
impl Capability for AnyStore {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let store = context.database.store();
        store.migrate().await.map_err(setup_failed)?;
        Ok(store)
    }
}

/// Two handles on a database without a layout. They are the same handle if the backend cannot open
/// another.
pub(super) struct Unmigrated(pub(super) [AnyStore; 2]);

#[async_trait]
impl Capability for Unmigrated {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let here = context.database.store();
        let there = context.database.open_again().await.map_err(setup_failed)?;
        let there = there.unwrap_or_else(|| Arc::clone(&here));
        Ok(Self([here, there]))
    }
}

/// Two handles on a database with its layout. They are the same handle if the backend cannot open
/// another: for requirements that apply in both cases.
pub(super) struct Handles(pub(super) [AnyStore; 2]);

#[async_trait]
impl Capability for Handles {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let Unmigrated(handles) = Unmigrated::prepare(context).await?;
        handles[0].migrate().await.map_err(setup_failed)?;
        Ok(Self(handles))
    }
}

/// Two different handles, as two processes have them.
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

/// A store that writes in callers' transactions.
pub(super) struct Transactional {
    pub(super) store: AnyStore,
    context: TestContext,
}

impl Transactional {
    pub(super) async fn begin(&self) -> Box<dyn Transaction> {
        let tx = self.context.database.begin().await;
        let tx = tx.expect("a transaction begins");
        tx.expect("`prepare` has begun one before")
    }
}

#[async_trait]
impl Capability for Transactional {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let store = AnyStore::prepare(context).await?;
        match context.database.begin().await.map_err(setup_failed)? {
            Some(tx) => tx.roll_back().await.map_err(setup_failed)?,
            None => return Err(Verdict::NotApplicable("it joins no callers' transactions")),
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
        // The id is unknown: the call only tells whether the backend can damage rows.
        let unknown = super::fixtures::id();
        let damaged = context.database.damage(unknown, Damage::Retries).await;
        if !damaged.map_err(setup_failed)? {
            return Err(Verdict::NotApplicable("the backend damages no rows"));
        }
        Ok(Self {
            store,
            context: context.clone(),
        })
    }
}

/// A store whose database can be told to reject a write.
pub(super) struct Rejecting {
    pub(super) store: AnyStore,
    context: TestContext,
}

impl Rejecting {
    pub(super) async fn reject(&self, id: ExecutionId, write: Write) {
        let done = self.context.database.set_rejected(id, write, true).await;
        assert!(done.expect("the write is rejected from now on"));
    }

    pub(super) async fn accept(&self, id: ExecutionId, write: Write) {
        let done = self.context.database.set_rejected(id, write, false).await;
        assert!(done.expect("the write is accepted again"));
    }
}

#[async_trait]
impl Capability for Rejecting {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        let store = AnyStore::prepare(context).await?;
        // The id is unknown: the call only tells whether the backend can reject writes.
        let unknown = super::fixtures::id();
        let done = context
            .database
            .set_rejected(unknown, Write::Execution, true);
        if !done.await.map_err(setup_failed)? {
            return Err(Verdict::NotApplicable("the backend rejects no writes"));
        }
        Ok(Self {
            store,
            context: context.clone(),
        })
    }
}

/// The database itself, for checks that prepare their databases themselves.
#[async_trait]
impl Capability for TestContext {
    async fn prepare(context: &TestContext) -> Result<Self, Verdict> {
        Ok(context.clone())
    }
}
