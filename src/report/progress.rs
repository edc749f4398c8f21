//! The bar that shows how far a step is: on a terminal only, on stderr, gone when the step is over.
//!
//! Everywhere else it draws nothing at all, so logs hold no half lines.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far one step is.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for a step like "reading". `shown` is false with `--quiet` or without a terminal.
    /// Without a total it only counts.
    pub fn start(step: &'static str, total: Option<u64>, shown: bool) -> Progress {
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Progress::on(target, step, total)
    }

    /// This many more are done.
    pub fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    /// This many are done in all.
    pub fn reach(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Prints something else while the bar is away.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// The step is over; the bar goes away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn on(target: ProgressDrawTarget, step: &'static str, total: Option<u64>) -> Progress {
        let bar = ProgressBar::with_draw_target(total, target);
        if let Ok(style) = ProgressStyle::with_template(template(total)) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(step);
        Progress { bar }
    }
}

fn template(total: Option<u64>) -> &'static str {
    match total {
        Some(_) => "{msg:12} [{bar:30}] {human_pos} of {human_len}",
        None => "{msg:12} {human_pos}",
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressStyle;

    use crate::report::progress::{Progress, template};

    #[test]
    fn templates_are_templates() {
        assert!(ProgressStyle::with_template(template(Some(3))).is_ok());
        assert!(ProgressStyle::with_template(template(None)).is_ok());
    }

    #[test]
    fn who_wants_quiet_sees_nothing() {
        let progress = Progress::start("reading", None, false);
        progress.advance(2);
        assert!(progress.bar.is_hidden());
        assert_eq!(progress.bar.position(), 2);
        progress.finish();
    }
}
