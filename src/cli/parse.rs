//! Arguments -> [`Cli`], or the message to print instead.
//!
//! The environment variables are read here and nowhere else.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use clap::{
    CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    cli::{Cli, Command},
    error::Exit,
};

/// Why there is nothing to run: help was asked for, or what was typed cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageMessage {
    /// What to print, without colours.
    pub plain: String,
    /// What to print, with colours.
    pub styled: String,
    /// 0 for help and version, else 2.
    pub exit: Exit,
}

impl UsageMessage {
    /// Help and version go to stdout, everything else to stderr.
    pub fn to_stdout(&self) -> bool {
        self.exit == Exit::Done
    }
}

impl From<clap::Error> for UsageMessage {
    fn from(error: clap::Error) -> UsageMessage {
        let text = error.render();
        let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        let exit = if asked { Exit::Done } else { Exit::Config };
        UsageMessage { plain: text.to_string(), styled: text.ansi().to_string(), exit }
    }
}

/// Understands a command line; the first argument is the name of the program.
///
/// # Errors
/// Help or a version that was asked for, or what is wrong.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, UsageMessage> {
    let mut command = Cli::command();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = command.try_get_matches_from_mut(&arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = parsed.map_err(|error| match describe_meaning(&command, &arguments, &error) {
        Some(meant) => UsageMessage::from(command.error(error.kind(), meant)),
        None => UsageMessage::from(error.format(&mut command)),
    })?;
    match find_contradiction(&cli) {
        Some(message) => Err(command.error(ErrorKind::ArgumentConflict, message).into()),
        None => Ok(cli),
    }
}

/// Words that other tools have for what a command does, and what was meant.
const MEANT: &[(&str, &str)] = &[
    ("validate", "convert --validate-only"),
    ("dry-run", "convert --validate-only"),
    ("send", "convert"),
    ("run", "convert"),
    ("map", "convert"),
    ("lint", "check"),
    ("prove", "check"),
    ("serve", "sandbox"),
    ("mock", "sandbox"),
];

/// Says what was meant where clap cannot know it: a flag of another command, or a folder without a command.
fn describe_meaning(command: &clap::Command, arguments: &[OsString], error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, _, Some(ContextValue::String(word)))
            if MEANT.iter().any(|(said, _)| said == word) =>
        {
            let meant = MEANT.iter().find(|(said, _)| said == word).map_or("", |(_, meant)| meant);
            let typed = arguments.iter().skip_while(|argument| *argument != word.as_str()).skip(1);
            let rest: Vec<_> = ["xwalk", meant]
                .map(Into::into)
                .into_iter()
                .chain(typed.map(|argument| argument.to_string_lossy()))
                .collect();
            Some(format!("there is no command '{word}'\n\n  tip: did you mean '{}'?", rest.join(" ")))
        }
        (ErrorKind::InvalidSubcommand, _, Some(ContextValue::String(word))) if Path::new(word).exists() => {
            let is_folder = Path::new(word).is_dir();
            let (what, command) = if is_folder { ("folder", "convert") } else { ("file", "check") };
            Some(format!("'{word}' is a {what}, and no command\n\n  tip: did you mean 'xwalk {command} {word}'?"))
        }
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag)), _)
            if error.get(ContextKind::SuggestedArg).is_none() =>
        {
            let long = flag.split('=').next().unwrap_or_default().trim_start_matches('-');
            let has_flag = |of: &&clap::Command| of.get_arguments().any(|arg| arg.get_long() == Some(long));
            let owners: Vec<&str> = command.get_subcommands().filter(has_flag).map(clap::Command::get_name).collect();
            let is_command =
                |word: &&OsString| word.to_str().is_some_and(|word| command.find_subcommand(word).is_some());
            let here = arguments.iter().skip(1).find(is_command)?.to_string_lossy();
            let owners = owners.join("' and 'xwalk ");
            let tip = format!("'{flag}' is no flag of 'xwalk {here}'\n\n  tip: it is one of 'xwalk {owners}'");
            (!owners.is_empty()).then_some(tip)
        }
        _ => None,
    }
}

/// What clap cannot see: two values of one flag that do not go together.
fn find_contradiction(cli: &Cli) -> Option<String> {
    match &cli.command {
        Command::Convert(convert) => {
            let sources = convert.sources.iter().map(|source| source.name.as_str());
            let settings = convert.settings.iter().map(|setting| setting.key.as_str());
            let stdin = convert.sources.iter().filter(|source| source.path == Path::new("-")).count();
            match (find_twice(&sources), find_twice(&settings)) {
                (Some(name), _) => Some(format!("--source {name}=… is given twice")),
                (None, Some(key)) => Some(format!("--set {key}=… is given twice")),
                (None, None) if stdin > 1 => Some("only one source can be read from stdin".into()),
                (None, None) => None,
            }
        }
        Command::Sandbox(sandbox) => {
            let percent: u32 = sandbox.faults.iter().map(|fault| u32::from(fault.percent)).sum();
            (percent > 100).then(|| format!("the faults of --fail add up to {percent}%, which is more than 100%"))
        }
        Command::Check(_)
        | Command::Preview(_)
        | Command::Test(_)
        | Command::Init(_)
        | Command::Purge(_)
        | Command::Explain(_)
        | Command::Schema { .. }
        | Command::Completions { .. }
        | Command::Man { .. } => None,
    }
}

fn find_twice<'a>(names: &(impl Iterator<Item = &'a str> + Clone)) -> Option<&'a str> {
    let seen_before = |(at, name): &(usize, &str)| names.clone().take(*at).any(|seen| seen == *name);
    names.clone().enumerate().find(seen_before).map(|(_, name)| name)
}

/// The environment, read once. Variables that are not Unicode are left out: no setting of ours can be one.
#[expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok())).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory;

    use crate::{
        cli::{
            Cli, Command,
            parse::{UsageMessage, parse},
        },
        error::Exit,
        options::{Color, MaxRejects, MessageFormat},
    };

    fn typed(line: &str) -> Result<Cli, UsageMessage> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_values() {
        let line = "xwalk convert a b -m m.yaml -s c=c.csv -s p=- -p prod --set url=sandbox --max-rejects 1.5% \
                    --rejects r.csv --message-format json --unmask -vv --color never";
        let Command::Convert(convert) = typed(line).unwrap().command else { panic!("another command") };
        assert_eq!(convert.dirs.len(), 2);
        assert_eq!(convert.sources[1].path.to_str(), Some("-"));
        assert_eq!(convert.profile.as_deref(), Some("prod"));
        assert_eq!(convert.settings[0].value, "sandbox");
        assert_eq!(convert.max_rejects, Some(MaxRejects::Share(150)));
        assert_eq!(convert.messages.message_format, MessageFormat::Json);
        assert_eq!(convert.messages.color, Color::Never);
        assert_eq!(convert.messages.verbose, 2);
        assert!(convert.unmask && !convert.messages.quiet);
    }

    #[test]
    fn contradictions_are_refused_with_exit_2() {
        let lines = [
            "xwalk",
            "xwalk convrt",
            "xwalk convert -o x --validate-only",
            "xwalk convert -q -v",
            "xwalk convert -s a=1 -s a=2",
            "xwalk convert -s a=- -s b=-",
            "xwalk convert --set a=1 --set a=2",
            "xwalk convert --max-rejects many",
            "xwalk convert --message-format xml",
            "xwalk convert --profile=",
            "xwalk check -q -v",
            "xwalk sandbox --contract a -m b",
            "xwalk sandbox --fail 500:60% --fail 503:60%",
            "xwalk sandbox --port 70000",
            "xwalk completions tcsh",
        ];
        for line in lines {
            let message = typed(line).unwrap_err();
            assert_eq!(message.exit, Exit::Config, "{line}");
            assert!(!message.to_stdout(), "{line}");
            assert!(!message.plain.contains('\u{1b}'), "{line}");
        }
    }

    #[test]
    fn a_contradiction_is_said_like_clap_says_it() {
        let message = typed("xwalk convert -s a=1 -s a=2").unwrap_err();
        let expected = "error: --source a=… is given twice\n\nUsage: xwalk <COMMAND>\n\n\
                        For more information, try '--help'.\n";
        assert_eq!(message.plain, expected);
    }

    #[test]
    fn help_is_narrow_and_goes_to_stdout() {
        for command in
            ["", "convert", "check", "test", "init", "sandbox", "purge", "explain", "schema", "completions", "man"]
        {
            for flag in ["-h", "--help"] {
                let message = typed(&format!("xwalk {command} {flag}")).unwrap_err();
                assert!(message.to_stdout(), "{command}");
                let widest = message.plain.lines().max_by_key(|line| line.chars().count()).unwrap();
                assert!(widest.chars().count() <= 80, "{command}: {widest}");
            }
        }
        let version = typed("xwalk --version").unwrap_err();
        assert_eq!(version.plain, concat!("xwalk ", env!("CARGO_PKG_VERSION"), "\n"));
        assert_eq!(version.exit, Exit::Done);
    }

    #[test]
    fn narrow_help_breaks_between_words_only() {
        for name in ["convert", "check", "test", "init", "sandbox", "preview", "purge", "explain", "schema"] {
            let help = |width: usize| {
                let mut command = Cli::command().term_width(width);
                command.build();
                command.find_subcommand_mut(name).unwrap().clone().term_width(width).render_long_help().to_string()
            };
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let (wide, narrow) = (help(200), help(40));
            let mut expected = words(&wide);
            let mut found = words(&narrow);
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{name}");
            // What is typed is one line.
            let is_long = |line: &&str| {
                line.chars().count() > 40 && line.split_whitespace().count() > 1 && !line.starts_with("Usage: ")
            };
            let long: Vec<&str> = narrow.lines().filter(is_long).collect();
            assert!(long.is_empty(), "{name}: {long:?}");
        }
    }

    #[test]
    fn words_of_other_tools_are_understood_well_enough_to_say_what_was_meant() {
        for (line, meant) in [
            ("xwalk samples/flight-01 -q", "xwalk convert samples/flight-01"),
            ("xwalk validate samples/flight-01", "xwalk convert --validate-only samples/flight-01"),
        ] {
            let message = typed(line).unwrap_err();
            assert!(message.plain.contains(&format!("did you mean '{meant}'?")), "{}", message.plain);
        }
        let Command::Convert(convert) = typed("xwalk convert --dry-run").unwrap().command else {
            panic!("another command")
        };
        assert!(convert.validate_only);
    }

    #[test]
    fn every_example_in_the_help_is_understood() {
        let mut examples = 0;
        for command in ["", "convert", "check", "test", "init", "sandbox", "purge", "explain"] {
            let help = typed(&format!("xwalk {command} -h")).unwrap_err().plain;
            for line in help.lines().filter_map(|line| line.strip_prefix("  xwalk ")) {
                let line = line.split(" | ").next().unwrap();
                assert!(typed(&format!("xwalk {line}")).is_ok(), "{line}");
                examples += 1;
            }
        }
        assert_eq!(examples, 28);
    }
}
