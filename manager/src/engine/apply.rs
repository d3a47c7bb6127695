//! Any change of the core, as a request: for the nouns whose changes need nothing from the store.

use tokio::sync::oneshot;

use super::handle::{Engine, Error, Request};
use super::requests::Reply;
use crate::core::{Core, Now};

/// A change on its way through a batch: it is either given the core, or refused.
pub(super) type Call = Box<dyn FnOnce(Result<(&mut Core, Now), Error>) -> Option<Reply> + Send + Sync>;

impl Engine {
    /// Lets `change` act on the core in a batch, and answers what it returned once that batch is committed.
    ///
    /// # Errors
    /// The change's own, or [`Error::Unavailable`]; after either nothing has happened, provided that a change that fails leaves the core
    /// as it was.
    pub async fn apply<T, F>(&self, change: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Core, Now) -> Result<T, Error> + Send + Sync + 'static,
    {
        self.ask(|answer: oneshot::Sender<Result<T, Error>>| {
            Request::Apply(Box::new(move |given| match given {
                Ok((core, now)) => {
                    let result = change(core, now);
                    Some(Box::new(move |committed: Result<(), Error>| {
                        let _caller_gone = answer.send(committed.and(result));
                    }) as Reply)
                }
                Err(error) => {
                    let _caller_gone = answer.send(Err(error));
                    None
                }
            }))
        })
        .await
    }
}
