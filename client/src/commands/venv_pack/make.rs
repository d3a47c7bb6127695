//! Running the steps of a recipe on this machine, with what the tools say at hand if they fail.

use std::path::Path;
use std::process::Stdio;

use lp_package::venv::recipe::{self, CLEARED, Making, Sources};
use lp_package::venv::{Config, Recipe, RecipeError, Step, Tool};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;

use crate::commands::Session;
use crate::failure::Failure;
use crate::output::text;

/// Lines told of what a tool said before it failed.
const TOLD_LINES: usize = 30;
/// Of one line; a tool may write a progress bar without an end.
const LINE_BYTES: usize = 4 << 10;

/// Makes the environment at `dest`.
pub(super) async fn make(
    session: &Session,
    recipe: &Recipe,
    python: Option<&str>,
    dest: &Path,
    scratch: &Path,
    sources: Sources<'_>,
) -> Result<(), Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tool = Tool::find(&path, python).map_err(refused)?;
    let making = Making { recipe, tool: &tool, python, dest, scratch, sources };
    for step in recipe::steps(&making).map_err(refused)? {
        session.out.note(&format!("{} with {}", step.what, tool.as_str()));
        run(session, &step).await?;
    }
    recipe::check_python(dest, python).map_err(refused)
}

fn refused(error: RecipeError) -> Failure {
    let hint = error.hint().map(str::to_owned);
    Failure::Invalid { what: format!("cannot {error}"), hint }
}

async fn run(session: &Session, step: &Step) -> Result<(), Failure> {
    let Step { what, program, arguments, environ, directory } = step;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in CLEARED {
        command.env_remove(name);
    }
    command.envs(environ.iter().map(|(name, value)| (name, value)));
    let failed = |source| Failure::File { what: "run", path: program.clone(), source };
    let mut child = command.spawn().map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let said = std::cell::RefCell::new(Vec::new());
    let tell = |line: String| {
        session.out.detail(&line);
        let mut said = said.borrow_mut();
        said.push(line);
        if said.len() > TOLD_LINES {
            said.remove(0);
        }
    };
    let (_, _, ended) = tokio::join!(lines(stdout, &tell), lines(stderr, &tell), child.wait());
    let status = ended.map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Part {
        what: format!("cannot {what}: {} failed\n{}", program.display(), said.into_inner().join("\n")),
        hint: None,
    })
}

async fn lines(output: Option<impl AsyncRead + Unpin>, tell: &impl Fn(String)) {
    let Some(output) = output else { return };
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    // a line that is cut only looks worse
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|count| count > 0) {
        line.truncate(LINE_BYTES);
        tell(text::visible(String::from_utf8_lossy(&line).trim_end()).into_owned());
        line.clear();
    }
}

/// Compiles all modules into the form that is right wherever and whenever it is unpacked. Not all that is installed can be compiled (templates,
/// tests of syntax errors), and an environment without is only slower, so nothing here is a failure.
pub(super) async fn compile(session: &Session, root: &Path) {
    let config = Config::parse(&std::fs::read_to_string(root.join("pyvenv.cfg")).unwrap_or_default());
    let python = root.join("bin/python");
    if config.python().is_none() || !python.exists() {
        return;
    }
    session.out.note("compiling its modules");
    let mut command = Command::new(&python);
    // one process: what several write depends on what each has compiled before
    command.args(["-I", "-m", "compileall", "-q", "-q", "--invalidation-mode", "unchecked-hash", "-s"]);
    command.arg(root).arg(root.join("lib"));
    command.env_remove("PYTHONPYCACHEPREFIX").env_remove("PYTHONOPTIMIZE");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    if let Err(error) = command.status().await {
        session.out.detail(&format!("cannot compile its modules: {error}"));
    }
}
