//! Resources: values that handlers receive by reference.
//!
//! A handler's argument `&WorkspaceDb` is a [`ResourceRequest`] in the job's definition. A function
//! under [`#[resource]`](crate::resource) is a [`ResourceDefinition`], collected at link time like
//! a job. At its start, the runtime matches the two by type, builds each requested resource once,
//! and puts the values into [`Resources`].

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::{BoxFuture, Source};

type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// A type that can be a resource. Attempts on several threads share one value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a resource of a job",
    label = "must be `Send + Sync + 'static`",
    note = "handlers of many attempts share a resource across threads"
)]
pub trait Resource: Send + Sync + 'static {}

impl<T: ?Sized + Send + Sync + 'static> Resource for T {}

/// The type of a by-reference argument.
#[derive(Clone, Copy)]
pub struct ResourceRequest {
    type_id: fn() -> TypeId,
    type_name: fn() -> &'static str,
}

impl ResourceRequest {
    /// The request of a `&T`.
    pub const fn of<T: ?Sized + Resource>() -> Self {
        Self {
            type_id: TypeId::of::<T>,
            type_name: type_name::<T>,
        }
    }

    /// The id of the requested type.
    pub fn type_id(&self) -> TypeId {
        (self.type_id)()
    }

    /// The name of the requested type.
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }
}

impl fmt::Debug for ResourceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

/// A function that builds a resource, registered by `#[resource]`.
#[derive(Debug)]
pub struct ResourceDefinition {
    provides: ResourceRequest,
    source: Source,
    needs: &'static [ResourceRequest],
    build: BuildResource,
    /// Erases the type of the value that `build` has built.
    erase: fn(Box<dyn Any>) -> Option<BuiltResource>,
}

/// Builds a resource from those that its function borrows: an `Arc` of its type.
///
/// The type is unchecked here. [`ResourceDefinition::new`] checks it, so that a type that is no
/// [`Resource`] is one error.
pub type BuildResource = fn(Resources) -> BoxFuture<'static, Result<Box<dyn Any>, BoxError>>;

inventory::collect!(ResourceDefinition);

impl ResourceDefinition {
    /// Defines that `build` builds a `T`.
    pub const fn new<T: ?Sized + Resource>(source: Source, build: BuildResource) -> Self {
        Self {
            provides: ResourceRequest::of::<T>(),
            source,
            needs: &[],
            build,
            erase: erase::<T>,
        }
    }

    /// Sets the resources that the function borrows.
    #[must_use]
    pub const fn needs(mut self, needs: &'static [ResourceRequest]) -> Self {
        self.needs = needs;
        self
    }

    /// The resources that the function borrows. They are built first.
    pub fn needed(&self) -> &'static [ResourceRequest] {
        self.needs
    }

    /// Every resource definition linked into this program, sorted by source.
    pub fn linked() -> Vec<&'static Self> {
        let mut all: Vec<_> = inventory::iter::<Self>.into_iter().collect();
        all.sort_by_key(|definition| (definition.source.module, definition.source.line));
        all
    }

    /// The type of the resource.
    pub fn provides(&self) -> ResourceRequest {
        self.provides
    }

    /// The source location of the function.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Builds the value from the resources that are built already.
    ///
    /// # Errors
    /// The error of the function, or a needed resource is missing.
    pub async fn build(&self, built: &Resources) -> Result<BuiltResource, BoxError> {
        let value = (self.build)(built.clone()).await?;
        (self.erase)(value).ok_or_else(|| "the function has built another type".into())
    }
}

fn erase<T: ?Sized + Resource>(value: Box<dyn Any>) -> Option<BuiltResource> {
    let value = value.downcast::<Arc<T>>().ok()?;
    Some(BuiltResource::new(*value))
}

/// A resource with its type erased.
#[derive(Clone)]
pub struct BuiltResource {
    type_id: TypeId,
    // Contains an `Arc<T>`. A `dyn Any` cannot be downcast to an unsized `T`, but an
    // `Arc<dyn Trait>` is itself sized.
    value: Arc<dyn Any + Send + Sync>,
}

impl BuiltResource {
    /// Erases the type of `value`.
    pub fn new<T: ?Sized + Resource>(value: Arc<T>) -> Self {
        Self {
            type_id: TypeId::of::<T>(),
            value: Arc::new(value),
        }
    }

    /// The id of the resource's type.
    pub fn type_id(&self) -> TypeId {
        self.type_id
    }
}

impl fmt::Debug for BuiltResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltResource").finish_non_exhaustive()
    }
}

/// The resources of a process, by type. Cheap to clone.
#[derive(Clone, Default)]
pub struct Resources {
    values: Arc<HashMap<TypeId, BuiltResource>>,
}

impl Resources {
    /// The resource of type `T`, if there is one.
    pub fn get<T: ?Sized + Resource>(&self) -> Option<Arc<T>> {
        self.find().cloned()
    }

    /// The resource of type `T`, borrowed from this collection.
    pub(crate) fn borrowed<T: ?Sized + Resource>(&self) -> Option<&T> {
        self.find().map(|shared| &**shared)
    }

    fn find<T: ?Sized + Resource>(&self) -> Option<&Arc<T>> {
        let built = self.values.get(&TypeId::of::<T>())?;
        built.value.downcast_ref()
    }

    /// Returns these resources and more.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = BuiltResource>) -> Self {
        self.values.values().cloned().chain(more).collect()
    }

    /// Returns `true` if the requested resource is present.
    pub fn has(&self, request: &ResourceRequest) -> bool {
        self.values.contains_key(&request.type_id())
    }
}

impl FromIterator<BuiltResource> for Resources {
    fn from_iter<I: IntoIterator<Item = BuiltResource>>(resources: I) -> Self {
        let values = resources
            .into_iter()
            .map(|resource| (resource.type_id, resource))
            .collect();
        Self {
            values: Arc::new(values),
        }
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources")
            .field("count", &self.values.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    trait Greets: Send + Sync {
        fn greet(&self) -> String;
    }

    struct Polite;

    impl Greets for Polite {
        fn greet(&self) -> String {
            "good day".to_owned()
        }
    }

    #[test]
    fn unsized_resources_are_found() {
        let greets: Arc<dyn Greets> = Arc::new(Polite);
        let resources: Resources = [
            BuiltResource::new(greets),
            BuiltResource::new(Arc::new(7_u8)),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            resources.get::<dyn Greets>().map(|g| g.greet()).as_deref(),
            Some("good day")
        );
        assert_eq!(resources.get::<u8>().as_deref(), Some(&7));
        assert!(resources.get::<u16>().is_none());
    }
}
