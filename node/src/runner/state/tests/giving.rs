//! Users and GPUs are given to one at a time, and stay with whom they were given to over a restart and a rewritten journal.

use lp_protocol::AttemptKey;

use super::bench::Bench;
use crate::isolation::Users;
use crate::supervisor::wire::{How, Known};

/// Two users to give: the first of the range is nobody's.
const USERS: Users = Users::Range { first: 100, count: 3 };

fn bench() -> Bench {
    let mut bench = Bench::new(4);
    bench.state.set_givable(USERS, vec!["a".into(), "b".into()]);
    bench
}

fn uid(bench: &Bench, key: &AttemptKey) -> Option<u32> {
    bench.state.attempts[key].given.uid
}

#[test]
fn tasks_have_different_users_while_their_programs_run_and_a_task_has_one() {
    let mut bench = bench();

    let first = bench.assign(|_| ());
    let other = bench.assign(|_| ());
    let same = bench.assign(|assignment| {
        assignment.attempt = AttemptKey { action: "b".into(), ..first.clone() };
    });
    assert_ne!(uid(&bench, &first), uid(&bench, &other));
    assert_eq!(uid(&bench, &first), uid(&bench, &same));
    let third = bench.assign(|_| ());
    assert!(!bench.is_spawned(&third), "there is no user left for it");

    bench.end(&other, How::Code(0));
    let fourth = bench.assign(|_| ());
    assert_eq!(uid(&bench, &fourth), uid(&bench, &other));
}

#[test]
fn what_was_given_is_known_after_a_restart() {
    for rewritten in [false, true] {
        let mut bench = Bench::new(4);
        let gpu = |assignment: &mut lp_protocol::frames::Assignment| assignment.resources.gpus = 1;
        let keys = [bench.assign(gpu), bench.assign(|_| ())];
        let before: Vec<_> = keys.iter().map(|key| bench.state.attempts[key].given.clone()).collect();
        if rewritten {
            bench.state.rewrite_journal();
        }

        let mut bench = bench.restart();
        let known = |key: &AttemptKey| Known::Running { key: key.to_string(), start: Default::default() };
        bench.supervisor_up("first", keys.iter().map(known).collect());

        let after: Vec<_> = keys.iter().map(|key| bench.state.attempts[key].given.clone()).collect();
        assert_eq!(after, before);
        assert_eq!(after[0].gpus, ["a"]);
    }
}
