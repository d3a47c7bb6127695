//! The two system calls nobody wraps safely as they are needed here: a process made without copying this one, and the end of one child with what it has used.
//!
//! # Why this is not `std::process::Command`
//!
//! The standard library starts a program fast (vfork underneath) only where nothing is to be done between the new process and the program. To change
//! its user, its group or its namespaces there, it forks: that costs a copy of this process's page tables, 120 µs of
//! processor time for each action and a fifth of what a short action takes in all (ADR 17). Here the new process borrows our memory, as with vfork, on a stack of its own, while the
//! thread that made it waits; it takes its confinement on, and becomes the program.
//!
//! # What makes it sound
//!
//! The borrowed memory is this thread's until the program begins or the new process ends (`CLONE_VFORK`), so nothing it reads can go away.
//! It is a process of its own otherwise: descriptors, working directory, namespaces, credentials and signal actions are copies. It must not take
//! locks that a thread of ours may hold, must not panic and should not allocate (what it allocates is never freed): [`Image`] and
//! [`Steps`] hold everything ready, and all it does is system calls through functions that make them for the calling thread alone.

#![expect(unsafe_code, reason = "the one place that makes processes; see above")]

use std::cell::Cell;
use std::ffi::{CString, c_char};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, clone};
use nix::sys::signal::SigSet;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::supervisor::confinement::Steps;

/// 64 KiB of stack for a few calls of functions without large arrays.
const STACK_BYTES: usize = 64 << 10;

/// What is executed.
pub(super) struct Image<'d> {
    pub(super) program: CString,
    pub(super) argv: Vec<CString>,
    pub(super) env: Vec<CString>,
    pub(super) cwd: CString,
    pub(super) stdin: BorrowedFd<'d>,
    /// Standard error too.
    pub(super) stdout: BorrowedFd<'d>,
}

/// Starts a program as the leader of a process group of its own.
///
/// # Errors
/// The reason it does not run; there is no process then.
pub(super) fn start(image: &Image<'_>, steps: &Steps) -> io::Result<i32> {
    let pointers = |texts: &[CString]| -> Vec<*const c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
    };
    let (argv, env) = (pointers(&image.argv), pointers(&image.env));
    let failed = Cell::new(0);
    let become_program = || -> isize {
        let errno = match prepare(image, steps) {
            Ok(()) => {
                // SAFETY: program, argv and env are NUL-terminated texts, the two lists end with a null pointer, and all of it lives until this
                // thread's parent goes on, which is after this call. It returns only where it failed.
                unsafe { libc::execve(image.program.as_ptr(), argv.as_ptr(), env.as_ptr()) };
                Errno::last_raw()
            }
            Err(error) => error.raw_os_error().unwrap_or(Errno::EPERM as i32),
        };
        failed.set(errno);
        // SAFETY: ends this process at once, without what the C library does at an exit: that memory is the supervisor's.
        unsafe { libc::_exit(127) }
    };
    let mut stack = vec![0; STACK_BYTES];
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
    // SAFETY: with CLONE_VFORK this call returns only after the new process has left our memory, so the closure, what it borrows and the stack
    // outlive its use of them; it runs on that stack alone, does not unwind, and does nothing but system calls.
    let pid = unsafe { clone(Box::new(become_program), &mut stack, flags, Some(libc::SIGCHLD)) }?;
    match failed.get() {
        0 => Ok(pid.as_raw()),
        errno => {
            // the thread that waits for children may have been quicker
            let _ = waitpid(pid, None);
            Err(io::Error::from_raw_os_error(errno))
        }
    }
}

/// All but the last call, in the new process.
fn prepare(image: &Image<'_>, steps: &Steps) -> io::Result<()> {
    // SAFETY: sets an action the system defines; this process has signal actions of its own. Ours ignores SIGPIPE, programs must not.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    SigSet::empty().thread_set_mask()?;
    nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    nix::unistd::dup2_stdin(image.stdin)?;
    nix::unistd::dup2_stdout(image.stdout)?;
    nix::unistd::dup2_stderr(image.stdout)?;
    steps.take()?;
    nix::unistd::chdir(image.cwd.as_c_str())?;
    Ok(())
}

/// How a child has ended, and what it and the children it has waited for have used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) status: ExitStatus,
    pub(super) cpu: Duration,
    /// Of the largest of them.
    pub(super) max_rss_bytes: u64,
    pub(super) read_bytes: u64,
    pub(super) written_bytes: u64,
}

/// Waits for a child and takes it away.
///
/// # Errors
/// There is no such child.
pub(super) fn wait(pid: i32) -> io::Result<Used> {
    let mut status = 0;
    // SAFETY: all fields of the structure are numbers, of which zero is one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to variables of the types the call fills in.
        let found = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
        match Errno::result(found) {
            Ok(_) => break,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    // kibibytes and blocks of 512 bytes, whatever the machine (getrusage(2))
    let times = |number: i64, unit: u64| u64::try_from(number).unwrap_or(0).saturating_mul(unit);
    Ok(Used {
        status: ExitStatus::from_raw(status),
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        max_rss_bytes: times(usage.ru_maxrss, 1024),
        read_bytes: times(usage.ru_inblock, 512),
        written_bytes: times(usage.ru_oublock, 512),
    })
}
