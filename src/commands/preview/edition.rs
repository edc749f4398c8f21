//! What a save led to: the mapping as it is, the recording as it reads it, and everything that is wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use crate::{
    commands::{
        load,
        preview::{
            finding_groups::{FindingGroups, describe_finding},
            mapping_lines::MappingText,
            opened_recording::{NotOpened, OpenedRecording},
            record,
        },
    },
    diagnostic::{Diagnostic, Severity},
    plan::Plan,
    preview::view::{FindingView, PreviewView},
    read::files::{Inputs, find_source_files},
    report::{escape::visible, grouped::grouped},
};

/// What is known of a file without reading it: its time and its size; `None`: it is not there.
type Trait = Option<(SystemTime, u64)>;

/// Follows the files of a mapping and a recording.
pub(super) struct Follower {
    mapping: PathBuf,
    folder: PathBuf,
    temporary: PathBuf,
    unmask: bool,
    /// The files of the configuration that matter.
    files: BTreeSet<PathBuf>,
    /// The last plan that could be compiled: it tells the files of the recording.
    plan: Option<Arc<Plan>>,
    /// The last recording that could be opened.
    recording: Option<Arc<OpenedRecording>>,
    /// What was known of all files when they were last read.
    seen: BTreeMap<PathBuf, Trait>,
    /// A file was found empty when the files were last looked at.
    waited: bool,
}

impl Follower {
    /// Follows a mapping and a drop folder; temporary files are made in a third place.
    pub(super) fn new(mapping: PathBuf, folder: PathBuf, temporary: PathBuf, unmask: bool) -> Follower {
        let files = BTreeSet::from([mapping.clone()]);
        let seen = BTreeMap::new();
        Follower { mapping, folder, temporary, unmask, files, plan: None, recording: None, seen, waited: false }
    }

    /// Reads everything again if a file changed.
    pub(super) fn look(&mut self) -> Option<Edition> {
        let now = self.observe();
        let has_empty =
            now.iter().any(|(path, known)| matches!(known, Some((_, 0))) && self.seen.get(path) != Some(known));
        // An editor may empty a file before it writes it, so one that is empty is looked at twice.
        if now == self.seen || has_empty && !std::mem::replace(&mut self.waited, true) {
            return None;
        }
        self.waited = false;
        Some(self.read())
    }

    /// Reads everything.
    pub(super) fn read(&mut self) -> Edition {
        // Observed before anything is read: what is saved meanwhile is read again.
        let before = self.observe();
        let text = MappingText::read(&self.mapping);
        let edition = match load::plan_with_files(&self.mapping) {
            Err(wrong) => {
                // The files that findings name may be repaired too.
                let places = wrong.iter().flat_map(|finding| {
                    let cell = finding.cell.as_ref().map(|cell| cell.place.path.clone());
                    cell.into_iter().chain(finding.rule.as_ref().map(|place| place.path.clone()))
                });
                self.files.extend(places.map(PathBuf::from));
                self.stale_edition(text, &wrong)
            }
            Ok((plan, read)) => {
                self.files = read.into_iter().map(|file| file.path).chain([self.mapping.clone()]).collect();
                let plan = Arc::new(plan);
                self.plan = Some(Arc::clone(&plan));
                self.open(text, plan)
            }
        };
        self.seen = self.observe();
        for (path, known) in before {
            self.seen.entry(path).and_modify(|seen| *seen = known);
        }
        edition
    }

    fn open(&mut self, text: MappingText, plan: Arc<Plan>) -> Edition {
        let inputs = Inputs::new(&self.folder, &[], self.unmask);
        match OpenedRecording::open(plan, &inputs, &self.temporary) {
            Ok((recording, findings)) => {
                let recording = Arc::new(recording);
                self.recording = Some(Arc::clone(&recording));
                let (folder, unmask) = (self.folder.clone(), self.unmask);
                let notices = recording.notices.clone();
                Edition { text, folder, unmask, findings, notices, recording: Some(recording), is_stale: false }
            }
            Err(NotOpened::Findings(wrong)) => self.stale_edition(text, &wrong),
            Err(NotOpened::TooLarge(notice)) => {
                let findings = FindingGroups::default();
                let (folder, unmask) = (self.folder.clone(), self.unmask);
                Edition { text, folder, unmask, findings, notices: vec![notice], recording: None, is_stale: false }
            }
        }
    }

    /// An edition with what is wrong, and the last recording.
    fn stale_edition(&self, text: MappingText, wrong: &[Diagnostic]) -> Edition {
        let mut findings = FindingGroups::default();
        for finding in wrong {
            findings.add(finding);
        }
        let (folder, unmask, recording) = (self.folder.clone(), self.unmask, self.recording.clone());
        Edition { text, folder, unmask, findings, notices: Vec::new(), recording, is_stale: true }
    }

    /// What is known of all files now.
    fn observe(&self) -> BTreeMap<PathBuf, Trait> {
        let inputs = Inputs::new(&self.folder, &[], false);
        let found = self.plan.as_ref().map(|plan| find_source_files(plan, &inputs)).unwrap_or_default();
        let sources = found.into_iter().flatten().flatten();
        self.files.iter().cloned().chain(sources).map(|path| (path.clone(), observe_file(&path))).collect()
    }
}

fn observe_file(path: &Path) -> Trait {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// What the page shows after a save.
pub(super) struct Edition {
    text: MappingText,
    folder: PathBuf,
    unmask: bool,
    /// What is wrong with the configuration, with the files, or with their records.
    findings: FindingGroups,
    notices: Vec<String>,
    recording: Option<Arc<OpenedRecording>>,
    /// The recording is that of an earlier edition.
    is_stale: bool,
}

impl Edition {
    /// The page with one record.
    pub(super) fn draw(&self, number: u64) -> PreviewView {
        let recording = self.recording.as_deref();
        let record = recording.and_then(|recording| record::draw(recording, number, self.is_stale));
        let describe = |finding: &Diagnostic, count: u64| {
            let record = recording.and_then(|recording| recording.record_of(finding)).unwrap_or_default();
            FindingView { record, ..describe_finding(finding, count) }
        };
        let rules = recording.filter(|_| !self.is_stale).map(OpenedRecording::rule_lines).unwrap_or_default();
        let (mapping, findings) = self.text.draw(&self.findings, &rules, &describe);
        let (state, headline) = self.headline();
        let mut notices = self.notices.clone();
        notices.extend(self.findings.uncounted());
        PreviewView {
            name: recording.map_or_else(|| self.text.path.clone(), |recording| recording.plan.name.clone()),
            folder: visible(&self.folder.display().to_string()),
            headline,
            state,
            notices,
            findings,
            mapping,
            record,
            is_stale: self.is_stale,
            is_masked: !self.unmask,
        }
    }

    /// What is true of the recording as a whole.
    fn headline(&self) -> (&'static str, String) {
        let errors = self.findings.count(Severity::Error);
        let them = if errors == 1 { "1 finding".to_owned() } else { format!("{} findings", grouped(errors)) };
        if self.is_stale {
            return ("broken", format!("Nothing can be made: {them}"));
        }
        let Some(recording) = &self.recording else { return ("broken", "The recording is not shown".into()) };
        let (made, valid) = recording.documents();
        match (made, recording.records()) {
            // Records that belong to none are rejected, too.
            (0, _) if errors > 0 => ("bad", format!("No document is made: {them}")),
            (0, 0) => ("good", "The recording has no records".into()),
            (0, _) => ("good", "No document is made: `where` leaves out every record".into()),
            _ => {
                let is = if made == 1 { "document is" } else { "documents are" };
                let said = format!("{} of {} {is} valid", grouped(valid), grouped(made));
                match valid == made {
                    true if errors == 0 => ("good", said),
                    true => ("bad", format!("{said}, and there is more: {them}")),
                    false => ("bad", said),
                }
            }
        }
    }
}
