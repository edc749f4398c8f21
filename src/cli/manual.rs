//! Shell completions and manual pages, generated from the flags.

use std::{io, path::Path};

use clap::CommandFactory;

use crate::cli::{Cli, Shell};

/// The completion script for a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Elvish => clap_complete::Shell::Elvish,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::PowerShell => clap_complete::Shell::PowerShell,
        Shell::Zsh => clap_complete::Shell::Zsh,
    };
    // Into memory first: clap_complete panics when its writer fails, and stdout may be closed.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "xwalk", &mut script);
    script
}

/// Writes a manual page for each command into a folder that exists.
pub fn write_manual(dir: &Path) -> io::Result<()> {
    clap_mangen::generate_to(Cli::command(), dir)
}

#[cfg(test)]
mod tests {
    use crate::cli::{
        Shell,
        manual::{completions, write_manual},
    };

    #[test]
    fn completions_know_the_commands() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let script = String::from_utf8(completions(shell)).unwrap();
            assert!(script.contains("validate-only"), "{shell:?}");
        }
    }

    #[test]
    fn the_manual_has_a_page_for_each_command() {
        let dir = tempfile::tempdir().unwrap();
        write_manual(dir.path()).unwrap();
        for page in [
            "xwalk.1",
            "xwalk-convert.1",
            "xwalk-check.1",
            "xwalk-test.1",
            "xwalk-init.1",
            "xwalk-sandbox.1",
            "xwalk-purge.1",
            "xwalk-explain.1",
        ] {
            assert!(dir.path().join(page).is_file(), "{page}");
        }
    }
}
