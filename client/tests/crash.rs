//! `kill -9` of manager, node or both at random moments, again and again, while tasks are created and run: nothing is lost, nothing is
//! done twice.
//!
//! Every action appends a line to one file when it begins and when it ends. Afterwards the file and the history the manager shows must
//! tell the same story. `LP_SEED=N` repeats the choices of a run (not its timing); the seed is printed.

mod common;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use common::{Cluster, PATIENCE, write_app};
use lp_protocol::client::{self, ManagerClient};
use lp_protocol::views::{CreateTasks, ListTasks, TaskInfo};
use lp_protocol::{AppId, Exit, Stage, Status, TaskId};

use futures_util::{StreamExt as _, stream};

const TASKS: usize = 200;
const KILLS: u32 = 30;
/// Tasks created at a time; new ones come between the kills.
const BATCH: usize = 20;
const SLOTS: u32 = 4;
/// Longest wait before what could not be acknowledged is tried again, and between a kill and the start after it.
const PAUSE: Duration = Duration::from_millis(300);

/// Long enough that most kills find programs running.
const SCRIPT: &str = r#"#!/bin/sh
echo "begin $LP_TASK_ID $LP_ACTION $LP_ATTEMPT $(date +%s%N)" >> "$EFFECTS"
sleep "$SECONDS_TO_SLEEP"
echo "end $LP_TASK_ID $LP_ACTION $LP_ATTEMPT $(date +%s%N)" >> "$EFFECTS"
"#;

#[test]
fn two_hundred_tasks_survive_thirty_kills_and_nothing_is_done_twice() {
    let mut dice = Dice::new();
    println!("LP_SEED={}", dice.seed);
    let mut cluster = Cluster::apart(SLOTS);
    let app = cluster.create_app(&app(&cluster));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let creator = Creator { client: cluster.client(), app_id: app.parse().unwrap(), dice: dice.fork() };
    let creator = thread::spawn(|| creator.run());
    let mut while_busy = 0;
    for _ in 0..KILLS {
        thread::sleep(dice.up_to(Duration::from_millis(700)));
        let status = runtime.block_on(cluster.client().fetch_status()).unwrap();
        while_busy += u32::from(status.tasks_pending + status.tasks_running > 0);
        strike(&mut cluster, &mut dice);
    }
    let created = creator.join().unwrap();
    assert_eq!(created.len(), TASKS, "no task was acknowledged twice");

    let client = cluster.client();
    let tasks = runtime.block_on(wait_for_all(&client, created.iter().copied()));
    let story = Story::read(&fs::read_to_string(cluster.path("effects")).unwrap());
    for task in &tasks {
        check(task, &story);
    }
    let attempts: usize =
        tasks.iter().flat_map(|task| &task.actions).map(|action| action.attempts.len()).sum();
    println!(
        "{} tasks, {attempts} attempts, {} began, {while_busy} of {KILLS} kills hit something",
        tasks.len(),
        story.begins.len()
    );
    assert!(while_busy > KILLS / 2, "the tasks were done before the kills");
    let listed = runtime.block_on(count(&client));
    assert_eq!(listed, TASKS, "a repeated creation made no task more");
    // what has ended stays as it has ended
    let again = runtime.block_on(wait_for_all(&client, created.iter().copied()));
    let ends = |tasks: &[TaskInfo]| {
        tasks.iter().map(|task| (task.task.task_id, task.task.end_at)).collect::<Vec<_>>()
    };
    assert_eq!(ends(&again), ends(&tasks));
}

fn app(cluster: &Cluster) -> std::path::PathBuf {
    let action = |name: &str, condition: &str, seconds: f32| {
        format!(
            r#"{{"name": "{name}", "condition": [{condition}], "main": "./act.sh",
                "environ": {{"EFFECTS": "{}", "SECONDS_TO_SLEEP": {seconds}}}}}"#,
            cluster.path("effects").display()
        )
    };
    let actions = [action("a", "", 0.1), action("b", "", 0.3), action("c", r#""a", "b""#, 0.2)];
    let manifest = format!(r#"{{"actions": [{}]}}"#, actions.join(","));
    write_app(&cluster.path("app"), &[("configuration.json", &manifest), ("act.sh", SCRIPT)])
}

/// Creates the tasks in batches while the cluster is being killed; a batch is repeated until it is acknowledged.
struct Creator {
    client: ManagerClient,
    app_id: AppId,
    dice: Dice,
}

impl Creator {
    fn run(mut self) -> BTreeSet<TaskId> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut created = BTreeSet::new();
        for number in 0..TASKS / BATCH {
            thread::sleep(self.dice.up_to(Duration::from_secs(3)));
            // the key makes a repetition harmless
            let query = CreateTasks {
                app_id: self.app_id,
                task_name: Some(format!("batch {number}")),
                priority: 0,
                key: Some(format!("batch-{number}")),
            };
            let begin = Instant::now();
            let ids = loop {
                match runtime.block_on(create(&self.client, &query)) {
                    Ok(ids) if ids.len() == BATCH => break ids,
                    Ok(_) | Err(_) if begin.elapsed() < PATIENCE => thread::sleep(self.dice.up_to(PAUSE)),
                    Ok(ids) => panic!("batch {number}: {} of {BATCH} tasks were acknowledged", ids.len()),
                    Err(error) => panic!("batch {number} is not acknowledged: {error}"),
                }
            };
            created.extend(ids);
        }
        created
    }
}

async fn create(client: &ManagerClient, query: &CreateTasks) -> Result<Vec<TaskId>, client::Error> {
    let lines = stream::iter([std::io::Result::Ok(bytes::Bytes::from("{}\n".repeat(BATCH)))]);
    let mut answers = client.create_tasks(query, lines).await?;
    let mut ids = Vec::new();
    while let Some(answer) = answers.next().await {
        ids.push(answer?.task_id);
    }
    Ok(ids)
}

/// Kills something and starts it again after a moment.
fn strike(cluster: &mut Cluster, dice: &mut Dice) {
    let pause = dice.up_to(PAUSE);
    match dice.below(3) {
        0 => {
            cluster.kill_manager();
            thread::sleep(pause);
            cluster.start_manager();
        }
        1 => {
            cluster.kill_node();
            thread::sleep(pause);
            cluster.start_node();
        }
        _ => {
            cluster.kill_manager();
            cluster.kill_node();
            thread::sleep(pause);
            cluster.start_manager();
            cluster.start_node();
        }
    }
}

async fn wait_for_all(client: &ManagerClient, ids: impl Iterator<Item = TaskId>) -> Vec<TaskInfo> {
    let mut tasks = Vec::new();
    for id in ids {
        let view = client.wait_until_finished(&id.to_string(), Some(PATIENCE)).await.unwrap();
        if view.stage != Stage::Finished {
            let why = client.explain_task(&id.to_string()).await.unwrap();
            panic!("task {id} does not end: {why:?}");
        }
        tasks.push(client.fetch_task(&id.to_string()).await.unwrap());
    }
    tasks
}

async fn count(client: &ManagerClient) -> usize {
    let query = ListTasks { limit: Some(1000), ..ListTasks::default() };
    client.list_tasks(&query).await.unwrap().items.len()
}

/// The history of a task against what its programs have really done.
fn check(task: &TaskInfo, story: &Story) {
    let id = task.task.task_id;
    assert_eq!(task.task.status, Some(Status::Success), "task {id}: {:?}", task.task.reason);
    for action in &task.actions {
        let what = format!("task {id}, action {}: {:#?}", action.name, action.attempts);
        let mut before = 0;
        for attempt in &action.attempts {
            let key = (id.to_string(), action.name.clone(), attempt.attempt);
            let begins = story.begins.get(&key).map_or(&[][..], Vec::as_slice);
            let ends = story.ends.get(&key).map_or(&[][..], Vec::as_slice);
            match attempt.exit.as_ref().unwrap_or_else(|| panic!("an open attempt of {what}")) {
                Exit::Code { code: 0 } => {
                    assert_eq!((begins.len(), ends.len()), (1, 1), "{what}");
                    assert!(begins[0] >= before, "attempts overlap: {what}");
                    before = ends[0];
                }
                Exit::Returned | Exit::NotStarted { .. } => assert!(begins.is_empty(), "{what}"),
                Exit::Code { .. }
                | Exit::Signal { .. }
                | Exit::TimedOut
                | Exit::Stopped { .. }
                | Exit::BadOutput { .. }
                | Exit::Unhealthy { .. }
                | Exit::OutOfMemory { .. }
                | Exit::Drained
                | Exit::Lost { .. } => {
                    panic!("nobody has killed programs, and no node was away for long: {what}")
                }
            }
        }
        let successes = action.attempts.iter().filter(|attempt| attempt.status == Some(Status::Success));
        assert_eq!(successes.count(), 1, "{what}");
        let began = story.attempts_that_began(&id.to_string(), &action.name);
        let shown: Vec<_> = action.attempts.iter().map(|attempt| attempt.attempt).collect();
        assert!(began.iter().all(|number| shown.contains(number)), "attempts {began:?} began: {what}");
    }
    let ended = |name: &str| story.of_success(task, name, &story.ends);
    let began = story.of_success(task, "c", &story.begins);
    assert!(began >= ended("a") && began >= ended("b"), "task {id}: c began before a and b had ended");
}

/// Times of the lines that programs wrote, by task, action and attempt.
#[derive(Default)]
struct Story {
    begins: Lines,
    ends: Lines,
}

type Lines = HashMap<(String, String, u32), Vec<u64>>;

impl Story {
    fn read(text: &str) -> Self {
        let mut story = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let &[what, task, action, attempt, time] = words.as_slice() else { panic!("torn line `{line}`") };
            let lines = if what == "begin" { &mut story.begins } else { &mut story.ends };
            let key = (task.to_owned(), action.to_owned(), attempt.parse().unwrap());
            lines.entry(key).or_default().push(time.parse().unwrap());
        }
        story
    }

    fn attempts_that_began(&self, task: &str, action: &str) -> Vec<u32> {
        self.begins.keys().filter(|key| key.0 == task && key.1 == action).map(|key| key.2).collect()
    }

    /// When the attempt that succeeded did this.
    fn of_success(&self, task: &TaskInfo, action: &str, lines: &Lines) -> u64 {
        let view = task.actions.iter().find(|view| view.name == action).unwrap();
        let attempt = view.attempts.iter().find(|attempt| attempt.status == Some(Status::Success)).unwrap();
        lines[&(task.task.task_id.to_string(), action.to_owned(), attempt.attempt)][0]
    }
}

/// Choices that a seed repeats (splitmix64).
struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    fn new() -> Self {
        let seed = match std::env::var("LP_SEED") {
            Ok(text) => text.parse().expect("LP_SEED is a number"),
            Err(_) => u64::from_le_bytes(TaskId::random().0.as_bytes()[..8].try_into().unwrap()),
        };
        Self { seed, state: seed }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.state;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ (value >> 31)) % limit
    }

    /// Other choices that the same seed repeats.
    fn fork(&self) -> Self {
        Self { seed: self.seed, state: !self.seed }
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        let micros = u64::try_from(longest.as_micros()).unwrap();
        Duration::from_micros(self.below(micros))
    }
}
