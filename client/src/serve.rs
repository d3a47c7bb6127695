//! The parts themselves: `lp up`, `lp manager`, `lp node`, `lp viewer`, and the supervisor a node starts.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::Global;
use crate::commands::Session;
use crate::failure::Failure;

#[derive(Args, Debug)]
pub(crate) struct Up {
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ManagerPart {}

#[derive(Args, Debug)]
pub(crate) struct NodePart {}

#[derive(Args, Debug)]
pub(crate) struct ViewerPart {}

#[derive(Args, Debug)]
pub(crate) struct Supervise {}

pub(crate) fn up(_: &Session, _: Up) -> Result<(), Failure> {
    Ok(())
}
pub(crate) fn manager(_: &Session, _: ManagerPart) -> Result<(), Failure> {
    Ok(())
}
pub(crate) fn node(_: &Session, _: &Global, _: NodePart) -> Result<(), Failure> {
    Ok(())
}
pub(crate) fn viewer(_: &Session, _: &Global, _: ViewerPart) -> Result<(), Failure> {
    Ok(())
}
pub(crate) fn supervise(_: Supervise) -> Result<ExitCode, Failure> {
    Ok(ExitCode::SUCCESS)
}
