//! What was typed: flags, environment, help texts.
//!
//! These types hold what a person typed, not what it means: no file was opened.
//! A value that is one of several words is an enum from here on.
//! `parse` understands a command line, `rebase` lets its relative paths start from another folder, `manual` writes what
//! is generated from these types.

pub mod value;
pub mod parse;
pub mod rebase;
pub mod manual;

use std::{path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand,
    builder::{NonEmptyStringValueParser, styling},
};

use crate::{
    options::{
        Color, ConvertOptions, InjectedFault, Log, MaxRejects, Memory, MessageFormat, OutputOptions, Setting,
        SourcePath, StdoutReader,
    },
    units,
};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default().bold())
    .placeholder(styling::AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  xwalk convert samples/flight-01 --validate-only
  xwalk convert /data/landed/* --profile prod
  xwalk check
  xwalk explain check/range

Exit codes:
  0  every document settled        4  the API refused for good
  1  some rows were rejected       5  not delivered: run it again
  2  a flag or setting is wrong    6  a file cannot be written
  3  an input cannot be trusted    130, 143  interrupted: run it again";

const CONVERT_EXAMPLES: &str = "\
Running the same command again sends what was not acknowledged, and nothing else.

Examples:
  xwalk convert samples/flight-01
  xwalk convert samples/flight-01 --validate-only
  xwalk convert samples/flight-01 -o customers.json
  xwalk convert -s customers=c.csv -s purchases=p.csv -o - | jq length
  xwalk convert /data/landed/* -p prod --max-rejects 1% --rejects bad.csv
  xwalk convert samples/flight-01 --set url=http://127.0.0.1:8080";

const CHECK_EXAMPLES: &str = "\
Examples:
  xwalk check
  xwalk check mappings/*.yaml --message-format github
  xwalk check --explain-proof
  xwalk check --against samples/flight-01";

const TEST_EXAMPLES: &str = "\
A case of mappings/NAME.yaml is a folder mappings/NAME.cases/CASE with CSV files
and expected.json, and expected-findings.txt if something is found.

Examples:
  xwalk test
  xwalk test mappings/inflight-sales.yaml --update";

const INIT_EXAMPLES: &str = "\
What was guessed from cells has its reason in a comment; what is marked TODO
needs a person, and fields matched by name alone want a look.

Examples:
  xwalk init samples/flight-01 --contract schemas/customers.schema.json
  xwalk init c.csv --contract api.yaml --operation 'PUT /v1/customers'
  xwalk init samples/flight-01 -o drafts/sales.yaml";

const SANDBOX_EXAMPLES: &str = "\
Examples:
  xwalk sandbox
  xwalk sandbox --port 8080 --fail 503:20% --delay 200ms
  xwalk sandbox --contract schemas/customers.schema.json --keep received";

const PREVIEW_EXAMPLES: &str = "\
Examples:
  xwalk preview samples/flight-02
  xwalk preview samples/marketplace -m mappings/marketplace-orders.yaml";

const STATE_HELP: &str = "Where deliveries are remembered [default: $XDG_STATE_HOME/xwalk, else ~/.local/state/xwalk]";

const REPORT_HELP: &str = "Write a report, by its ending: .html, .json, .xml (JUnit), .sarif or .md; repeatable";

const PURGE_EXAMPLES: &str = "\
Examples:
  xwalk purge
  xwalk purge --all --state /var/lib/xwalk";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  xwalk explain read/truncated-last-record
  xwalk explain purchases.price -m mappings/inflight-sales.yaml
  xwalk explain --mapping mappings/inflight-sales.yaml
  xwalk explain --record customers.csv:3 samples/flight-01";

/// Turns CSV files into the nested JSON an API expects, checks it against the contract and delivers it
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "xwalk", version, max_term_width = 80, styles = STYLES, after_help = EXAMPLES)]
#[command(disable_help_subcommand = false, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Convert, check against the contract, then send, write or only validate
    Convert(Convert),
    /// Prove a mapping against its contract, with no data
    Check(Check),
    /// Run the example cases that lie beside a mapping
    Test(Test),
    /// Draft a mapping from CSV files and a contract
    Init(Init),
    /// Run a mock API that enforces the contract, with faults on request
    Sandbox(Sandbox),
    /// Show a recording on a page that follows what you edit
    Preview(Preview),
    /// Forget finished deliveries
    Purge(Purge),
    /// Say what a message code means, where a field comes from, or what becomes of a row
    Explain(Explain),
    /// Write the JSON Schema of a file or of the machine output to stdout
    Schema {
        /// Of what: mapping, profiles, finding (a line of `--message-format json`) or report
        #[arg(value_name = "OF", hide_possible_values = true)]
        of: SchemaOf,
    },
    /// Write shell completions to stdout
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages into a folder
    #[command(hide = true)]
    Man {
        /// The folder
        dir: PathBuf,
    },
}

/// `xwalk convert`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = CONVERT_EXAMPLES)]
pub struct Convert {
    /// Drop folders, one recording each [default: the profile's `input`, else .]
    #[arg(value_name = "DIR")]
    pub dirs: Vec<PathBuf>,

    /// The mapping [default: as profiles.yaml says, else the only one in mappings/]
    #[arg(short, long, value_name = "FILE", help_heading = "What to read")]
    pub mapping: Option<PathBuf>,

    /// Use this file, glob or - (stdin) for one source; repeatable
    #[arg(short, long = "source", value_name = "NAME=PATH", value_parser = value::source_path)]
    #[arg(help_heading = "What to read")]
    pub sources: Vec<SourcePath>,

    /// The profile to deliver with [default: as profiles.yaml says]
    #[arg(short, long, value_name = "NAME", env = "XWALK_PROFILE", hide_env_values = true)]
    #[arg(value_parser = NonEmptyStringValueParser::new(), help_heading = "Where it goes")]
    pub profile: Option<String>,

    /// Override one profile setting; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = value::setting, help_heading = "Where it goes")]
    pub settings: Vec<Setting>,

    /// Write the JSON here instead of sending it; - is stdout, .ndjson writes lines
    #[arg(short, long, value_name = "FILE", help_heading = "Where it goes")]
    pub output: Option<PathBuf>,

    /// Where deliveries are remembered.
    #[arg(long, value_name = "DIR", env = "STATE_DIRECTORY", hide_env_values = true)]
    #[arg(help = STATE_HELP, help_heading = "Where it goes")]
    pub state: Option<PathBuf>,

    /// Go on although an earlier delivery of replaced inputs is unfinished
    #[arg(long, help_heading = "Where it goes")]
    pub supersede: bool,

    /// Neither write nor send; say what would be sent
    #[arg(long, alias = "dry-run", conflicts_with = "output", help_heading = "Where it goes")]
    pub validate_only: bool,

    /// With more rejected rows than this, nothing is sent or written
    #[arg(long, value_name = "N|P%", value_parser = value::max_rejects, help_heading = "Rejects")]
    pub max_rejects: Option<MaxRejects>,

    /// Write the rejected rows here, each with its code and reason
    #[arg(long, value_name = "FILE", help_heading = "Rejects")]
    pub rejects: Option<PathBuf>,

    /// Hold about this much in memory; everything beyond it goes to temporary files
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = value::memory)]
    #[arg(hide_default_value = true, help_heading = "What to read")]
    pub memory: Memory,

    /// Write a report, by its ending: .html, .json, .xml (`JUnit`), .sarif or .md; repeatable
    #[arg(long = "report", value_name = "FILE", value_parser = value::report_file, help = REPORT_HELP)]
    #[arg(help_heading = "Messages")]
    pub reports: Vec<PathBuf>,

    /// Show text values in messages instead of their shape
    #[arg(long, conflicts_with = "reports", help_heading = "Messages")]
    pub unmask: bool,

    /// Who reads stdout; no flag says so.
    #[arg(skip)]
    pub reader: StdoutReader,

    /// How messages are written.
    #[command(flatten)]
    pub messages: MessageFlags,
}

/// `xwalk check`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct Check {
    /// The mappings [default: as profiles.yaml says, else all in mappings/]
    #[arg(value_name = "MAPPING")]
    pub mappings: Vec<PathBuf>,

    /// List each rule of the contract, and say why it is proven or has to be checked
    #[arg(long)]
    pub explain_proof: bool,

    /// Check also against the headers of the files in this folder
    #[arg(long, value_name = "DIR")]
    pub against: Option<PathBuf>,

    /// Check also this profile
    #[arg(short, long, value_name = "NAME", env = "XWALK_PROFILE", hide_env_values = true)]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub profile: Option<String>,

    /// Take warnings for errors
    #[arg(long)]
    pub strict: bool,

    /// Write a report, by its ending: .html, .json, .xml (`JUnit`), .sarif or .md; repeatable
    #[arg(long = "report", value_name = "FILE", value_parser = value::report_file, help = REPORT_HELP)]
    #[arg(help_heading = "Messages")]
    pub reports: Vec<PathBuf>,

    /// How messages are written.
    #[command(flatten)]
    pub messages: MessageFlags,
}

/// `xwalk test`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = TEST_EXAMPLES)]
pub struct Test {
    /// Mappings, folders of cases, or cases [default: all in mappings/]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Take what comes out for what is expected, and write it down
    #[arg(long)]
    pub update: bool,

    /// How messages are written.
    #[command(flatten)]
    pub messages: MessageFlags,
}

/// `xwalk init`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = INIT_EXAMPLES)]
pub struct Init {
    /// CSV files, or folders with CSV files [default: .]
    #[arg(value_name = "CSV|DIR")]
    pub inputs: Vec<PathBuf>,

    /// What the API accepts, JSON Schema or OpenAPI; without it, only sources, keys and joins are drafted
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,

    /// The operation of the OpenAPI document, like "PUT /v1/customers" [default: the only one with a JSON body]
    #[arg(long, value_name = "METHOD PATH", value_parser = NonEmptyStringValueParser::new())]
    pub operation: Option<String>,

    /// Write the mapping into this new file [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How messages are written.
    #[command(flatten)]
    pub messages: MessageFlags,
}

/// `xwalk sandbox`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = SANDBOX_EXAMPLES)]
pub struct Sandbox {
    /// The contract to enforce [default: that of the mapping]
    #[arg(long, value_name = "FILE", conflicts_with = "mapping", help_heading = "The API")]
    pub contract: Option<PathBuf>,

    /// The mapping whose contract and path to use [default: as for convert]
    #[arg(short, long, value_name = "FILE", help_heading = "The API")]
    pub mapping: Option<PathBuf>,

    /// The loopback port to listen on; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8080, help_heading = "The API")]
    pub port: u16,

    /// The path to serve [default: that of the mapping, else /v1/customers]
    #[arg(long, value_name = "PATH", value_parser = value::url_path, help_heading = "The API")]
    pub path: Option<String>,

    /// Ask for the bearer token that this variable holds
    #[arg(long, value_name = "VAR", value_parser = NonEmptyStringValueParser::new(), help_heading = "The API")]
    pub bearer_env: Option<String>,

    /// Refuse larger requests with 413
    #[arg(long, value_name = "SIZE", value_parser = units::bytes, help_heading = "The API")]
    pub max_body: Option<u64>,

    /// Keep what was accepted in this folder
    #[arg(long, value_name = "DIR", help_heading = "The API")]
    pub keep: Option<PathBuf>,

    /// Answer some requests with this status, like 503:20%; repeatable
    #[arg(long = "fail", value_name = "STATUS:PERCENT%", value_parser = value::fault, help_heading = "Faults")]
    pub faults: Vec<InjectedFault>,

    /// Wait this long before each answer, like 200ms
    #[arg(long, value_name = "TIME", value_parser = units::time, help_heading = "Faults")]
    pub delay: Option<Duration>,

    /// Accept this many requests, then close every connection without an answer
    #[arg(long, value_name = "N", help_heading = "Faults")]
    pub drop_after: Option<u64>,

    /// Choose the requests that fail by this number, the same each time
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Faults")]
    pub seed: u64,

    /// How messages are written.
    #[command(flatten)]
    pub messages: MessageFlags,
}

/// `xwalk preview`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = PREVIEW_EXAMPLES)]
pub struct Preview {
    /// The drop folder to show [default: the profile's `input`, else .]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// The mapping [default: as profiles.yaml says, else the only one in mappings/]
    #[arg(short, long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,

    /// The loopback port to listen on; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,

    /// Show text values on the page instead of their shape
    #[arg(long)]
    pub unmask: bool,

    /// How messages are written.
    #[command(flatten)]
    pub messages: MessageFlags,
}

/// `xwalk purge`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = PURGE_EXAMPLES)]
pub struct Purge {
    /// Forget also what is unfinished or in doubt: all of it would be sent again
    #[arg(long)]
    pub all: bool,

    /// Where deliveries are remembered.
    #[arg(long, value_name = "DIR", env = "STATE_DIRECTORY", hide_env_values = true, help = STATE_HELP)]
    pub state: Option<PathBuf>,

    /// How messages are written.
    #[command(flatten)]
    pub messages: MessageFlags,
}

/// `xwalk explain`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub struct Explain {
    /// A code such as check/range, a field such as purchases.price, or with --record a drop folder
    #[arg(value_name = "CODE|FIELD|DIR")]
    #[arg(
        help = "A code (check/range), a field (purchases.price), or with --record a folder [default: list all codes]"
    )]
    pub what: Option<String>,

    /// The mapping of a field or a row; alone, all of it is explained
    #[arg(short, long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,

    /// Follow this row of a file in the folder to its JSON
    #[arg(long, value_name = "FILE:LINE")]
    pub record: Option<String>,

    /// Show text values instead of their shape
    #[arg(long, requires = "record", help_heading = "Messages")]
    pub unmask: bool,

    /// How messages are written.
    #[command(flatten)]
    pub messages: MessageFlags,
}

impl Explain {
    /// The code that is asked for, if it is no field; `Some(None)`: all codes.
    #[must_use]
    pub fn code(&self) -> Option<Option<&str>> {
        if self.mapping.is_some() || self.record.is_some() {
            return None;
        }
        match self.what.as_deref() {
            None => Some(None),
            Some(word) if word.contains('/') && !word.starts_with('/') => Some(Some(word)),
            Some(_) => None,
        }
    }
}

/// The flags for messages, shared by all commands that write some.
#[derive(Clone, Debug, PartialEq, Eq, Default, Args)]
pub struct MessageFlags {
    /// How findings and the summary are written
    #[arg(long, value_name = "HOW", value_enum, default_value_t, hide_possible_values = true)]
    #[arg(help = "How findings are written: full, concise, json or github", help_heading = "Messages")]
    pub message_format: MessageFormat,

    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Messages")]
    pub quiet: bool,

    /// Say more; twice says still more
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Messages")]
    pub verbose: u8,

    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true)]
    #[arg(help = "When to use colours: auto, always or never", help_heading = "Messages")]
    pub color: Color,

    /// How the log is written
    #[arg(long, value_name = "HOW", value_enum, default_value_t, hide_possible_values = true)]
    #[arg(help = "How the log is written: text or json", help_heading = "Messages")]
    pub log: Log,
}

impl Convert {
    /// The options of the conversion that these flags set.
    #[must_use]
    pub fn options(&self) -> ConvertOptions {
        ConvertOptions {
            sources: self.sources.clone(),
            unmask: self.unmask,
            memory: self.memory,
            output: self.output.clone(),
            validate_only: self.validate_only,
            rejects: self.rejects.clone(),
            streams: Vec::new(),
            max_rejects: self.max_rejects,
            state: self.state.clone(),
            supersede: self.supersede,
            reports: self.reports.clone(),
            reader: self.reader,
        }
    }
}

impl MessageFlags {
    /// The options of the output that these flags set.
    #[must_use]
    pub fn options(&self) -> OutputOptions {
        OutputOptions { message_format: self.message_format, quiet: self.quiet, color: self.color }
    }
}

/// What there is a JSON Schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaOf {
    /// A mapping
    Mapping,
    /// `profiles.yaml`
    Profiles,
    /// A line of `--message-format json`
    Finding,
    /// A report
    Report,
}

impl SchemaOf {
    /// The schema.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            SchemaOf::Mapping => include_str!("../../schemas/mapping.schema.json"),
            SchemaOf::Profiles => include_str!("../../schemas/profiles.schema.json"),
            SchemaOf::Finding => include_str!("../../schemas/finding.schema.json"),
            SchemaOf::Report => include_str!("../../schemas/report.schema.json"),
        }
    }
}

/// A shell that completions can be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// Bash
    Bash,
    /// Elvish
    Elvish,
    /// Fish
    Fish,
    /// `PowerShell`
    #[value(name = "powershell")]
    PowerShell,
    /// Zsh
    Zsh,
}
