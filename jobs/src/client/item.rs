//! The items of a batch: payloads, or builders with options of their own.

use super::backend::EnqueueRequest;
use super::enqueue::{Enqueue, EnqueueError, One, request};
use crate::Job;

/// An item of [`Client::enqueue_all`](crate::Client::enqueue_all): a payload, or the builder that
/// [`Client::enqueue`](crate::Client::enqueue) returns for one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be enqueued in a batch",
    label = "neither the payload of a job nor a builder of an enqueue",
    note = "`#[job]` on `async fn send_mail(..)` generates the payload `SendMail`: give that, or \
            `client.enqueue(SendMail::new(..))` with options"
)]
pub trait EnqueueItem: sealed::Sealed {
    /// The type of the result.
    type Output;

    /// The request to enqueue this item.
    ///
    /// # Errors
    /// The payload cannot be written as JSON.
    #[doc(hidden)]
    fn into_request(self) -> Result<EnqueueRequest, EnqueueError>;
}

#[diagnostic::do_not_recommend]
impl<J: Job> EnqueueItem for J {
    type Output = J::Output;

    fn into_request(self) -> Result<EnqueueRequest, EnqueueError> {
        request(&self)
    }
}

impl<T> EnqueueItem for Enqueue<One<T>> {
    type Output = T;

    fn into_request(self) -> Result<EnqueueRequest, EnqueueError> {
        self.into_only_request()
    }
}

mod sealed {
    use super::{Enqueue, Job, One};

    pub trait Sealed {}

    #[diagnostic::do_not_recommend]
    impl<J: Job> Sealed for J {}
    impl<T> Sealed for Enqueue<One<T>> {}
}
