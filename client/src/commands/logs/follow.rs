//! Following a task: its events tell which attempts there are, and each attempt's log is read to its end.
//!
//! Subscribed first and looked at after, so that nothing that starts in between is missed; looked at again whenever events may have
//! been lost. It ends when nothing of the selection can run any more and every log that was begun is read.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use lp_protocol::client::{Backoff, Error, EventStream, ManagerClient};
use lp_protocol::views::{Event, TaskInfo};
use lp_protocol::{ErrorCode, TaskId};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::clock::Chunk;
use super::print::Printer;
use super::read::{Log, Stamping, Until};
use super::{Selection, tail};
use crate::commands::Session;
use crate::failure::Failure;
use crate::output::text;

/// Chunks that wait to be printed; beyond that the readers wait, and so does the manager.
const CHUNKS: usize = 64;

/// The task is looked at again after so long without an event: a connection that died in silence must not hide the end.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// What readers say.
enum Said {
    Bytes { action: String, chunk: Chunk },
    Ended { action: String, result: Result<(), Failure> },
}

/// Prints until the end and returns the task as it then is.
pub(crate) async fn run(
    session: &Session,
    client: &ManagerClient,
    task_id: TaskId,
    selection: &Selection,
) -> Result<TaskInfo, Failure> {
    let (sender, said) = mpsc::channel(CHUNKS);
    let mut follower = Follower {
        client,
        task_id,
        selection,
        begun: BTreeSet::new(),
        readers: FuturesUnordered::new(),
        open: 0,
        sender,
    };
    let (mut events, mut info) = subscribe(client, task_id).await?;
    follower.begin_known(&info, Beginning::First);
    let mut printer = Printer::new(session, selection.actions(&info).count(), selection.stamping);
    let mut said = said;
    loop {
        if follower.open == 0 && is_over(&info, selection) {
            return Ok(info);
        }
        tokio::select! {
            biased;
            Some(said) = said.recv() => match said {
                Said::Bytes { action, chunk } => printer.print(&action, &chunk)?,
                Said::Ended { action, result } => {
                    follower.open -= 1;
                    printer.end(&action)?;
                    tell(session, &action, result)?;
                    if follower.open == 0 {
                        info = client.fetch_task(&task_id.to_string()).await?;
                        follower.begin_known(&info, Beginning::Later);
                    }
                }
            },
            Some(()) = follower.readers.next() => {}
            event = tokio::time::timeout(LOOK_AGAIN, events.next()) => match event {
                Ok(Some(Ok(Event::Attempt { action, attempt, .. }))) => follower.begin(&action, attempt, Beginning::Later),
                Ok(Some(Ok(Event::Node { .. } | Event::Work { .. }))) => {}
                Ok(Some(Ok(Event::Task { .. } | Event::Missed))) | Err(_) => {
                    info = client.fetch_task(&task_id.to_string()).await?;
                    follower.begin_known(&info, Beginning::Later);
                }
                Ok(Some(Err(_)) | None) => {
                    (events, info) = subscribe(client, task_id).await?;
                    follower.begin_known(&info, Beginning::Later);
                }
            },
        }
    }
}

/// Whether an attempt was there when following began, so that `--tail` cuts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    First,
    Later,
}

struct Follower<'a> {
    client: &'a ManagerClient,
    task_id: TaskId,
    selection: &'a Selection,
    begun: BTreeSet<(String, u32)>,
    readers: FuturesUnordered<LocalBoxFuture<'static, ()>>,
    open: usize,
    sender: mpsc::Sender<Said>,
}

impl Follower<'_> {
    /// Begins with what the task shows: the latest attempts, or, later, every one that is new.
    fn begin_known(&mut self, info: &TaskInfo, beginning: Beginning) {
        for action in self.selection.actions(info) {
            let latest = self.selection.attempt_of(action);
            for attempt in &action.attempts {
                let is_old = latest.is_none_or(|latest| attempt.attempt < latest);
                match beginning {
                    // earlier attempts ended before anyone looked
                    Beginning::First if is_old => {
                        self.begun.insert((action.name.clone(), attempt.attempt));
                    }
                    Beginning::First | Beginning::Later => {
                        self.begin(&action.name, attempt.attempt, beginning)
                    }
                }
            }
        }
    }

    fn begin(&mut self, action: &str, attempt: u32, beginning: Beginning) {
        if !self.selection.takes(action, attempt) || !self.begun.insert((action.to_owned(), attempt)) {
            return;
        }
        let reader = Reader {
            client: self.client.clone(),
            task: self.task_id.to_string(),
            action: action.to_owned(),
            attempt,
            tail: self.selection.tail.filter(|_| beginning == Beginning::First),
            stamping: self.selection.stamping,
            sender: self.sender.clone(),
        };
        self.open += 1;
        self.readers.push(Box::pin(reader.run()));
    }
}

struct Reader {
    client: ManagerClient,
    task: String,
    action: String,
    attempt: u32,
    tail: Option<u64>,
    stamping: Stamping,
    sender: mpsc::Sender<Said>,
}

impl Reader {
    async fn run(self) {
        let result = self.copy().await;
        // nobody listens any more when the command is ending
        let _ = self.sender.send(Said::Ended { action: self.action.clone(), result }).await;
    }

    async fn copy(&self) -> Result<(), Failure> {
        let Self { client, task, action, attempt, tail, stamping, sender } = self;
        let start = tail::start(client, task, action, *attempt, *tail).await?;
        let log = Log { client, task, action, attempt: *attempt, stamping: *stamping };
        let take = async |chunk: Chunk| {
            let said = Said::Bytes { action: action.clone(), chunk };
            sender.send(said).await.map_err(|_| Failure::Shown)
        };
        log.copy(start, Until::End, take).await
    }
}

/// A log that is gone, or was never begun, is told and does not end the others.
fn tell(session: &Session, action: &str, result: Result<(), Failure>) -> Result<(), Failure> {
    match result {
        Err(Failure::Manager(error)) => match error.code() {
            Some(ErrorCode::NotFound) => Ok(()),
            Some(ErrorCode::Gone | ErrorCode::NodeUnreachable) => {
                session.out.warn(&format!(
                    "{}: {}",
                    text::visible(action),
                    text::visible(&error.to_string())
                ));
                Ok(())
            }
            _ => Err(error.into()),
        },
        result => result,
    }
}

/// Nothing of the selection runs or can still start.
fn is_over(info: &TaskInfo, selection: &Selection) -> bool {
    let attempts = |number: u32| {
        selection
            .actions(info)
            .flat_map(|action| &action.attempts)
            .filter(move |attempt| attempt.attempt == number)
    };
    let wanted_is_over =
        selection.attempt.is_some_and(|number| attempts(number).all(|attempt| !attempt.stage.is_open()));
    let all_are_over = selection.actions(info).all(|action| !action.stage.is_open());
    let runs =
        selection.actions(info).flat_map(|action| &action.attempts).any(|attempt| attempt.stage.is_open());
    wanted_is_over || all_are_over || (!info.task.stage.is_open() && !runs)
}

/// Opens the stream of events and looks at the task, in this order; a manager that is away is waited for.
async fn subscribe(client: &ManagerClient, task_id: TaskId) -> Result<(EventStream, TaskInfo), Failure> {
    let mut backoff = Backoff::new();
    loop {
        let error: Error = match client.events(Some(task_id)).await {
            Ok(events) => match client.fetch_task(&task_id.to_string()).await {
                Ok(info) => return Ok((events, info)),
                Err(error) => error,
            },
            Err(error) => error,
        };
        match backoff.next_wait().filter(|_| error.is_transient()) {
            Some(wait) => sleep(wait).await,
            None => return Err(error.into()),
        }
    }
}
