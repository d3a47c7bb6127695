//! Tokens with the real binary: made, used, revoked, and a platform that goes on when its own was.

use nix::sys::signal::Signal;

use crate::common::{Cluster, Ran, run};

#[test]
fn a_token_is_made_for_a_pipe_and_its_user_is_refused_what_its_role_is_not_for() {
    let mut cluster = Cluster::up();
    let made = cluster
        .lp(&["token", "create", "dashboard", "--role", "reader", "--expire-after", "1h"])
        .ok()
        .says("not shown again");
    let secret = made.text().to_owned();
    assert_eq!(made.stdout, format!("{secret}\n"), "alone");
    let with = |secret: &str, arguments: &[&str]| -> Ran {
        run(cluster.command(arguments).env("LP_TOKEN", secret), "")
    };

    with(&secret, &["status"]).ok();
    with(&secret, &["app", "list"]).ok();
    for arguments in [
        &["node", "token"][..],
        &["gc", "-y"],
        &["token", "list"],
        &["token", "create", "x", "--role", "reader"],
    ] {
        with(&secret, arguments).ends_with(4).says("wants a token with the role `administrator`");
    }
    cluster.lp(&["token", "create", "dashboard", "--role", "reader"]).ends_with(5).says("is taken");
    cluster.lp(&["token", "create", "x"]).ends_with(2).says("--role");
    cluster
        .lp(&["token", "revoke", "dashboard"])
        .ends_with(2)
        .says("revoke the token dashboard")
        .says("add --yes");
    assert_eq!(cluster.lp(&["token", "list", "-o", "name"]).ok().text(), "dashboard\nadministrator");
    cluster.lp(&["token", "revoke", "dashboard", "-y"]).ok().says("refused from now on");
    with(&secret, &["status"]).ends_with(4).says("was revoked, or has expired");

    // the platform's own: not while nobody else could make one, and not for ever
    cluster
        .lp(&["token", "revoke", "administrator", "-y"])
        .ends_with(5)
        .says("without it nobody could make another");
    let other = cluster.lp(&["token", "create", "ops", "--role", "administrator"]).ok();
    let revoke = ["token", "revoke", "administrator", "-y"];
    cluster
        .lp(&revoke)
        .ok()
        .says("a manager keeps this token in its directory")
        .says("uses this token itself");
    cluster.lp(&["status"]).ends_with(4);
    with(other.text(), &["status"]).ok();
    assert_eq!(cluster.stop_up(Signal::SIGTERM), Some(0));
    cluster.start_up();
    cluster.lp(&["status"]).ok();
    assert_eq!(cluster.lp(&["token", "list", "-o", "name"]).ok().text(), "administrator\nops");
}
