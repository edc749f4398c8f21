//! Flags in, exit code out: reads the clock, the environment and the random numbers of a run, and prints.
//!
//! A closed pipe ends the program in silence, as with any filter; a full disk is exit code 6; a panic says where it
//! happened and nothing of the data.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io::{self, IsTerminal, Write},
    panic,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::{Layer, SubscriberExt},
    util::SubscriberInitExt,
};
use xwalk::{
    cli::{
        self, Cli, Command, manual,
        parse::{self, UsageMessage},
    },
    commands::runtime::Runtime,
    deliver::Context,
    diagnostic::{Code, Diagnostic, nearest},
    error::{Error, Exit},
    options::{Color, Log, OutputOptions, StdoutReader},
    output::places,
    report::{self, render_style::RenderStyle},
};

fn main() -> ExitCode {
    let panicked_once = Arc::new(AtomicBool::new(false));
    let is_bug = Arc::clone(&panicked_once);
    panic::set_hook(Box::new(move |panicked| {
        is_bug.store(true, Ordering::SeqCst);
        let location = panicked.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        // When even stderr is gone, the exit code says it alone.
        let _ = report::bug(&mut io::stderr(), &location);
    }));
    forbid_core_dumps();
    catch_limits(&panicked_once);
    let environment = parse::environment();
    let done = match parse::parse(std::env::args_os()) {
        Ok(mut cli) => match check_stdout(&mut cli.command) {
            Ok(()) => run_command(&cli, &environment),
            Err(error) => Ok(show_error(&error, &environment)),
        },
        Err(message) => show_usage(&message, &environment),
    };
    let exit = match done {
        Ok(exit) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(cause) => show_unwritten(Path::new("-"), &cause, &environment),
    };
    ExitCode::from(exit as u8)
}

/// Says that a file, a folder or stdout (`-`) cannot be written.
fn show_unwritten(path: &Path, cause: &io::Error, environment: &BTreeMap<String, String>) -> Exit {
    show_error(&Error::storage("cannot write", path, cause), environment)
}

/// Says why nothing was run.
fn show_error(error: &Error, environment: &BTreeMap<String, String>) -> Exit {
    let style = RenderStyle::new(&OutputOptions::default(), environment, io::stderr().is_terminal());
    // When stderr cannot be written either, the exit code says it alone.
    let _ = report::findings(&mut io::stderr(), error.diagnostics(), style);
    error.exit()
}

/// Keeps cells and secrets out of core files.
fn forbid_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // Linux ignores the limit where a program takes the core files, but for the limit of one byte, which is too small for
        // any file as well. A process may always lower its own limits, and not raise them.
        for bytes in [1, 0] {
            if setrlimit(Resource::Core, Rlimit { current: Some(bytes), maximum: Some(bytes) }).is_ok() {
                break;
            }
        }
    }
    // Nor may other processes of this user look into its memory.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Turns the signals of limits that are reached into exit codes and errors.
#[cfg(unix)]
fn catch_limits(panicked_once: &Arc<AtomicBool>) {
    use signal_hook::{
        consts::{SIGABRT, SIGXFSZ},
        flag,
    };
    // A signal that is caught no longer ends the process, and the write that was too much fails with its cause.
    let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    // Rust says how much memory was not to be had, and aborts. It also aborts when it panics while it handles a panic: that is
    // a bug, and the first handler that holds decides.
    let _ = flag::register_conditional_shutdown(SIGABRT, Exit::Bug as i32, Arc::clone(panicked_once));
    let _ = flag::register_conditional_shutdown(SIGABRT, Exit::Storage as i32, Arc::new(AtomicBool::new(true)));
}

#[cfg(not(unix))]
fn catch_limits(_: &Arc<AtomicBool>) {}

/// Refuses to run where so few files may be open that libraries fail in ways they do not tell.
#[cfg(unix)]
fn check_open_files() -> Result<(), Error> {
    use std::os::fd::AsRawFd;

    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // A file takes the least number that is free, so where that is far below the limit, nobody has to try.
    let is_enough =
        |file: &File| u64::try_from(file.as_raw_fd()).is_ok_and(|number| number + 4 * (MIN_OPEN_FILES as u64) < limit);
    let open = || File::open(NULL_DEVICE);
    let opened: io::Result<Vec<File>> = open().and_then(|file| {
        let others = if is_enough(&file) { 0 } else { MIN_OPEN_FILES - 1 };
        (0..others).map(|_| open()).chain([Ok(file)]).collect()
    });
    match opened {
        Err(cause)
            if matches!(
                rustix::io::Errno::from_io_error(&cause),
                Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE)
            ) =>
        {
            Err(Error::storage("cannot open", Path::new(NULL_DEVICE), &cause))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn check_open_files() -> Result<(), Error> {
    Ok(())
}

fn run_command(cli: &Cli, environment: &BTreeMap<String, String>) -> io::Result<Exit> {
    match &cli.command {
        Command::Explain(explain) if explain.code().is_some() => explain_code(explain.code().flatten(), environment),
        Command::Completions { shell } => {
            let mut out = io::stdout();
            out.write_all(&manual::completions(*shell))?;
            out.flush().map(|()| Exit::Done)
        }
        Command::Schema { of } => {
            let mut out = io::stdout();
            out.write_all(of.text().as_bytes())?;
            out.flush().map(|()| Exit::Done)
        }
        Command::Man { dir } => {
            let written = manual::write_manual(dir);
            Ok(written.map_or_else(|cause| show_unwritten(dir, &cause, environment), |()| Exit::Done))
        }
        command => {
            if let Err(error) = check_open_files() {
                return Ok(show_error(&error, environment));
            }
            start_log(command);
            Ok(run_pipe(command, environment))
        }
    }
}

/// Notes whether a person reads stdout, refuses `--output -` where it is closed, and turns it into `--output /dev/null` where stdout is the null device, so
/// that the summary says where the documents went.
fn check_stdout(command: &mut Command) -> Result<(), Error> {
    let Command::Convert(cli::Convert { output: Some(output), reader, .. }) = command else { return Ok(()) };
    *reader = if io::stdout().is_terminal() { StdoutReader::Person } else { StdoutReader::Program };
    match lost_by_stdout() {
        Some(Lost::Unseen) if places::is_stdout(output) => {
            let finding = Diagnostic::new(Code::ReportCannotWrite, "stdout is closed, so the documents would be lost");
            let hint =
                "name a file with `--output FILE`, or `--output /dev/null` if nobody needs them; nothing was read";
            Err(Error::Storage(Box::new(finding.hint(hint))))
        }
        Some(Lost::Wanted) if places::is_stdout(output) => {
            Path::new(NULL_DEVICE).clone_into(output);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What is written to stdout is lost.
#[derive(PartialEq, Eq)]
enum Lost {
    /// Stdout is the null device: whoever runs the command says that nobody needs it.
    Wanted,
    /// Stdout is closed.
    Unseen,
}

/// How many files a run may have to open at once, besides the standard streams.
const MIN_OPEN_FILES: usize = 32;

/// The device that takes everything.
const NULL_DEVICE: &str = "/dev/null";

/// Whether and how stdout loses what is written to it. Before `main`, Rust opens the null device in place of a closed stdout,
/// for reading and writing; a shell opens it for writing only.
#[cfg(unix)]
fn lost_by_stdout() -> Option<Lost> {
    use std::os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, MetadataExt},
    };

    use rustix::fs::{OFlags, fcntl_getfl};

    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
    let null = fs::metadata(NULL_DEVICE).ok()?;
    let is_null = stdout.file_type().is_char_device() && stdout.rdev() == null.rdev();
    let is_opened_here = || fcntl_getfl(io::stdout()).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR);
    is_null.then(|| if is_opened_here() { Lost::Unseen } else { Lost::Wanted })
}

#[cfg(not(unix))]
fn lost_by_stdout() -> Option<Lost> {
    None
}

/// Starts the log on stderr, where `-v` asks for one. Only this program's own events: those of the HTTP client could
/// hold headers.
fn start_log(command: &Command) {
    let (Command::Convert(cli::Convert { messages, .. }) | Command::Sandbox(cli::Sandbox { messages, .. })) = command
    else {
        return;
    };
    let level = match messages.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false).log_internal_errors(false);
    let lines = match messages.log {
        Log::Text => lines.with_ansi(false).boxed(),
        Log::Json => lines.json().flatten_event(true).boxed(),
    };
    let own = Targets::new().with_target("xwalk", level);
    tracing_subscriber::registry().with(lines.with_filter(own)).init();
}

/// Runs the commands that are lengths of the pipe.
#[expect(clippy::disallowed_methods, reason = "the clock is read here and passed on")]
fn run_pipe(command: &Command, environment: &BTreeMap<String, String>) -> Exit {
    // The keys of the standard hash map are the random bits of the operating system.
    let random = |salt: u8| RandomState::new().hash_one(salt);
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&random(0).to_le_bytes());
    nonce[8..].copy_from_slice(&random(1).to_le_bytes());
    let terminal = io::stderr().is_terminal();
    xwalk::commands::run(
        command,
        &mut Runtime {
            // Paths stay as they were typed, and messages repeat them.
            root: PathBuf::new(),
            out: &mut io::stdout(),
            err: &mut io::stderr(),
            terminal,
            environment,
            started: Instant::now(),
            context: Context::of_first_run(jiff::Timestamp::now, random(2), nonce),
        },
    )
}

fn explain_code(word: Option<&str>, environment: &BTreeMap<String, String>) -> io::Result<Exit> {
    let mut out = io::BufWriter::new(io::stdout());
    let Some(word) = word else {
        report::codes(&mut out)?;
        return out.flush().map(|()| Exit::Done);
    };
    if let Some(code) = Code::from_word(word.as_bytes()) {
        report::explanation(&mut out, code)?;
        return out.flush().map(|()| Exit::Done);
    }
    let near = nearest(word, Code::ALL.iter().map(|code| code.word()));
    let hint = near.map_or_else(|| "`xwalk explain` lists all codes".into(), |near| format!("did you mean `{near}`?"));
    let finding = Diagnostic::new(Code::PlanUsage, format!("there is no code `{word}`")).hint(hint);
    let style = RenderStyle::new(&OutputOptions::default(), environment, io::stderr().is_terminal());
    report::findings(&mut io::stderr(), &[finding], style).map(|()| Exit::Config)
}

fn show_usage(message: &UsageMessage, environment: &BTreeMap<String, String>) -> io::Result<Exit> {
    let mut writer: Box<dyn Write> = if message.to_stdout() { Box::new(io::stdout()) } else { Box::new(io::stderr()) };
    let terminal = if message.to_stdout() { io::stdout().is_terminal() } else { io::stderr().is_terminal() };
    let messages = OutputOptions { color: Color::Auto, ..OutputOptions::default() };
    let styled = RenderStyle::new(&messages, environment, terminal).styled;
    writer.write_all(if styled { message.styled.as_bytes() } else { message.plain.as_bytes() })?;
    writer.flush().map(|()| message.exit)
}
