//! An application written for LitePipeline runs unchanged, in each of the forms its users have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Cluster, run};
use crate::venv;

const INPUT: &str = r#"{"text": "all for one"}"#;
const MESSAGE: &str = "3 words, the longest of them is 'all'";

/// The application as an archive, made by the tools its users have.
fn archive(app: &Path, ending: &str) -> PathBuf {
    let parent = app.parent().unwrap();
    let name = app.file_name().unwrap().to_str().unwrap();
    let archive = parent.join(format!("{name}.{ending}"));
    let mut command = match ending {
        "zip" => Command::new("python3"),
        _ => Command::new("tar"),
    };
    match ending {
        "zip" => command.args(["-m", "zipfile", "-c"]).arg(&archive).arg(name),
        _ => command.arg("-czf").arg(&archive).arg(name),
    };
    run(command.current_dir(parent), "").ok();
    archive
}

fn message(task: &serde_json::Value) -> &serde_json::Value {
    &task["result"]["third"]["result"]["data"]["message"]
}

#[test]
fn with_its_environment_inside_as_tarball_and_as_zip() {
    let cluster = Cluster::as_installed();
    let app = venv::multiple_actions(&cluster.path("multiple_actions"));

    for ending in ["tar.gz", "zip"] {
        let archive = archive(&app, ending);
        let name = format!("inside-{ending}");
        // as LitePipeline's own command line is used
        cluster.lp(&["app", "create", "-f", archive.to_str().unwrap(), "-n", &name, "-d", "x"]).ok();
        let task = cluster.succeed(&name, INPUT);
        assert_eq!(message(&task), MESSAGE, "{ending}");
    }
}

#[test]
fn with_an_environment_uploaded_apart_by_id_and_by_name() {
    let cluster = Cluster::as_installed();
    let app = venv::multiple_actions(&cluster.path("multiple_actions"));
    let venv =
        cluster.lp(&["venv", "create", "-f", venv::packed().to_str().unwrap(), "-n", "words", "-r"]).ok();
    let venv_id = venv.json()["venv_id"].as_str().unwrap().to_owned();
    fs::remove_dir_all(app.join("venvs")).unwrap();
    let manifest = fs::read_to_string(app.join("configuration.json")).unwrap();

    for (env, ending) in [(venv_id.as_str(), "tar.gz"), (venv_id.as_str(), "zip"), ("words", "tar.gz")] {
        fs::write(app.join("configuration.json"), manifest.replace("venvs/venv", env)).unwrap();
        let name = format!("apart-{}-{ending}", &env[..4]);
        let archive = archive(&app, ending);
        cluster.lp(&["app", "create", "-f", archive.to_str().unwrap(), "-n", &name]).ok();
        let task = cluster.succeed(&name, INPUT);
        assert_eq!(message(&task), MESSAGE, "{name}");
    }
}

#[test]
fn actions_made_by_the_helper_run_and_join() {
    let cluster = Cluster::as_installed();
    let app = venv::multiple_actions(&cluster.path("generate"));
    let first = "from litepipeline_helper.models.action import Action\n\
        workspace, input_data = Action.get_input()\n\
        made = [Action('part %d' % n, 'python part.py', env='venvs/venv', input_data={'n': n}, to_action='third') for n in range(3)]\n\
        Action.set_output(data={}, actions=made)\n";
    let part = "from litepipeline_helper.models.action import Action\n\
        workspace, input_data = Action.get_input()\n\
        Action.set_output(data={'square': input_data['n'] ** 2})\n";
    let third = "from litepipeline_helper.models.action import Action\n\
        workspace, input_data = Action.get_input()\n\
        Action.set_output(data={'squares': [input_data['part %d' % n]['square'] for n in range(3)]})\n";
    for (name, text) in [("first.py", first), ("part.py", part), ("third.py", third)] {
        fs::write(app.join(name), text).unwrap();
    }
    cluster.create_app(&app);

    let task = cluster.succeed("generate", "{}");

    assert_eq!(task["result"]["third"]["result"]["data"]["squares"], serde_json::json!([0, 1, 4]));
}

#[test]
fn its_flags_mean_what_they_mean_there() {
    let cluster = Cluster::as_installed();
    let app = cluster.create_app(&crate::common::example("hello"));
    let task = cluster
        .lp(&["task", "create", "-a", &app, "-n", "a name", "-i", "{}", "-o", "name"])
        .ok()
        .text()
        .to_owned();
    cluster.lp(&["task", "wait", "-t", &task]).ok();

    let listed =
        cluster.lp(&["task", "list", "-a", &app, "-n", "a n*", "-s", "finished", "-S", "success", "-r"]).ok();
    let info = cluster.lp(&["task", "info", "-t", &task, "-r"]).ok();
    cluster.lp(&["workspace", "download", "-t", &task, "-n", "hello"]).ok();
    cluster.lp(&["app", "info", "-a", &app]).ok();

    assert_eq!(listed.json()[0]["task_id"], task.as_str());
    assert_eq!(info.json()["task_name"], "a name");
    assert!(cluster.path(&format!("{task}.hello.tar.gz")).exists());
}
