//! `lp node`, `lp supervise` and `lp contain` without the rest of `lp`, so that tests can kill them.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|word| word.to_str()) {
        Some("contain") => lp_node::shim_main(args),
        Some("supervise") => lp_node::supervisor_main(args),
        Some("node") => node(args.next().as_deref().map(std::path::Path::new)),
        _ => ExitCode::from(2),
    }
}

fn node(file: Option<&std::path::Path>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let text = file.map(std::fs::read_to_string).transpose().ok().flatten().unwrap_or_default();
    let layers = lp_settings::Layers { file: Some(("the file", &text)), ..Default::default() };
    let (Ok(runtime), Ok(loaded)) = (runtime, lp_node::Config::load(&layers)) else {
        return ExitCode::from(2);
    };
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    runtime.spawn(async move {
        if let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            term.recv().await;
            token.cancel();
        }
    });
    match runtime.block_on(lp_node::run(loaded.config, shutdown, |_| ())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
