//! What a point needs is the type of its argument.
//!
//! Most need one store. What not every database offers (another handle, a transaction, a damaged
//! row) makes the point [not applicable](Verdict::NotApplicable) where it is missing.

use std::sync::Arc;

use async_trait::async_trait;
use jobs::ExecutionId;

use super::Verdict;
use super::ground::{Damage, Database, Ground, GroundError, Transaction, Write};
use super::words::AnyStore;

/// The database of one point, and where others come from.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) ground: Arc<dyn Ground>,
    pub(super) database: Arc<dyn Database>,
}

impl Site {
    pub(super) async fn fresh(ground: &Arc<dyn Ground>) -> Result<Self, Verdict> {
        Ok(Self {
            ground: Arc::clone(ground),
            database: Arc::from(ground.fresh().await.map_err(broken)?),
        })
    }
}

/// An argument of a point.
#[async_trait]
pub(super) trait Need: Sized {
    /// Prepares it, or says why there is none.
    async fn meet(site: &Site) -> Result<Self, Verdict>;
}

fn broken(error: impl Into<GroundError>) -> Verdict {
    let error = error.into();
    Verdict::Failed(format!("the ground is not prepared: {error}"))
}

/// A store with its layout.
#[async_trait]
impl Need for AnyStore {
    async fn meet(site: &Site) -> Result<Self, Verdict> {
        let store = site.database.store();
        store.migrate().await.map_err(broken)?;
        Ok(store)
    }
}

/// A database without a layout, and two handles on it if there can be two.
pub(super) struct Bare(pub(super) [AnyStore; 2]);

#[async_trait]
impl Need for Bare {
    async fn meet(site: &Site) -> Result<Self, Verdict> {
        let here = site.database.store();
        let there = site.database.another().await.map_err(broken)?;
        let there = there.unwrap_or_else(|| Arc::clone(&here));
        Ok(Self([here, there]))
    }
}

/// Two handles, or the same one twice where there is no other process: for what must hold either
/// way.
pub(super) struct Handles(pub(super) [AnyStore; 2]);

#[async_trait]
impl Need for Handles {
    async fn meet(site: &Site) -> Result<Self, Verdict> {
        let Bare(handles) = Bare::meet(site).await?;
        handles[0].migrate().await.map_err(broken)?;
        Ok(Self(handles))
    }
}

/// Two handles as two processes have them.
pub(super) struct Neighbours {
    pub(super) here: AnyStore,
    pub(super) there: AnyStore,
}

#[async_trait]
impl Need for Neighbours {
    async fn meet(site: &Site) -> Result<Self, Verdict> {
        let Handles([here, there]) = Handles::meet(site).await?;
        if Arc::ptr_eq(&here, &there) {
            return Err(Verdict::NotApplicable("no other process can open it"));
        }
        Ok(Self { here, there })
    }
}

/// A store that joins transactions.
pub(super) struct Joinable {
    pub(super) store: AnyStore,
    site: Site,
}

impl Joinable {
    pub(super) async fn begin(&self) -> Box<dyn Transaction> {
        let tx = self
            .site
            .database
            .begin()
            .await
            .expect("a transaction begins");
        tx.expect("one began before")
    }
}

#[async_trait]
impl Need for Joinable {
    async fn meet(site: &Site) -> Result<Self, Verdict> {
        let store = AnyStore::meet(site).await?;
        match site.database.begin().await.map_err(broken)? {
            Some(tx) => tx.roll_back().await.map_err(broken)?,
            None => return Err(Verdict::NotApplicable("it joins no transaction")),
        }
        Ok(Self {
            store,
            site: site.clone(),
        })
    }
}

/// A store whose rows can be damaged.
pub(super) struct Fragile {
    pub(super) store: AnyStore,
    site: Site,
}

impl Fragile {
    pub(super) async fn damage(&self, id: ExecutionId, what: Damage) {
        let damaged = self.site.database.damage(id, what).await;
        assert!(damaged.expect("the row is damaged"));
    }
}

#[async_trait]
impl Need for Fragile {
    async fn meet(site: &Site) -> Result<Self, Verdict> {
        let store = AnyStore::meet(site).await?;
        // An id that is not there: asks whether it could.
        let unknown = super::words::id();
        let retries = site.database.damage(unknown, Damage::Retries);
        if !retries.await.map_err(broken)? {
            return Err(Verdict::NotApplicable("its rows cannot be damaged here"));
        }
        Ok(Self {
            store,
            site: site.clone(),
        })
    }
}

/// A store whose database can be told to refuse a write.
pub(super) struct Refusing {
    pub(super) store: AnyStore,
    site: Site,
}

impl Refusing {
    pub(super) async fn refuse(&self, id: ExecutionId, write: Write) {
        let refused = self.site.database.refuse(id, write, true).await;
        assert!(refused.expect("the write is refused from now on"));
    }

    pub(super) async fn allow(&self, id: ExecutionId, write: Write) {
        let allowed = self.site.database.refuse(id, write, false).await;
        assert!(allowed.expect("the write is taken again"));
    }
}

#[async_trait]
impl Need for Refusing {
    async fn meet(site: &Site) -> Result<Self, Verdict> {
        let store = AnyStore::meet(site).await?;
        // An id that is not there: asks whether it could.
        let unknown = super::words::id();
        let refused = site.database.refuse(unknown, Write::Execution, true);
        if !refused.await.map_err(broken)? {
            return Err(Verdict::NotApplicable(
                "it cannot be told to refuse a write",
            ));
        }
        Ok(Self {
            store,
            site: site.clone(),
        })
    }
}

/// For a point that prepares its databases itself.
#[async_trait]
impl Need for Site {
    async fn meet(site: &Site) -> Result<Self, Verdict> {
        Ok(site.clone())
    }
}
