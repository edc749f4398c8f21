//! Which rejected batches were divided, and what became of their parts: so a limit on the number of documents is learnt.
//!
//! Pure. When every part of a rejected batch is accepted, no document was bad: there were too many of them.

/// A batch that was rejected and divided.
#[derive(Debug)]
struct BatchDivision {
    /// The division that it was a part of itself.
    parent: Option<usize>,
    /// How many documents it had.
    documents: u64,
    /// How many of them were not accepted yet.
    open: u64,
    /// The most documents of it that were accepted at once.
    largest: u64,
    /// One of them was rejected.
    has_bad: bool,
}

/// All divisions of a run, and what they taught.
#[derive(Debug, Default)]
pub(crate) struct Divisions {
    all: Vec<BatchDivision>,
    /// The most documents that were accepted in one request.
    most_accepted: u64,
    /// The most documents to send in one request.
    limit: Option<u64>,
}

impl Divisions {
    /// Notes that a batch of this many documents, a part of `parent`, is divided; returns the number of the division.
    pub(crate) fn divide(&mut self, parent: Option<usize>, documents: u64) -> usize {
        self.all.push(BatchDivision { parent, documents, open: documents, largest: 0, has_bad: false });
        self.all.len() - 1
    }

    /// Notes that a part of a division was accepted, or a batch that is no part of one.
    pub(crate) fn accept(&mut self, division: Option<usize>, documents: u64) {
        self.most_accepted = self.most_accepted.max(documents);
        let mut next = division;
        while let Some(at) = next {
            let division = &mut self.all[at];
            division.open = division.open.saturating_sub(documents);
            division.largest = division.largest.max(documents);
            let is_too_many = division.open == 0 && !division.has_bad && division.documents > self.most_accepted;
            if is_too_many {
                let largest = division.largest.max(1);
                self.limit = Some(self.limit.map_or(largest, |limit| limit.min(largest)));
            }
            next = division.parent;
        }
    }

    /// Notes that a document of a division was rejected.
    pub(crate) fn reject(&mut self, division: Option<usize>) {
        let mut next = division;
        while let Some(at) = next {
            self.all[at].has_bad = true;
            next = self.all[at].parent;
        }
    }

    /// The most documents to send in one request, if that is known.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::Divisions;

    #[test]
    fn a_batch_of_which_all_parts_are_accepted_held_too_many() {
        let mut divisions = Divisions::default();
        let whole = divisions.divide(None, 40);
        let half = divisions.divide(Some(whole), 20);
        divisions.accept(Some(half), 10);
        assert_eq!(divisions.limit(), None);
        divisions.accept(Some(half), 10);
        assert_eq!(divisions.limit(), Some(10));
        let other = divisions.divide(Some(whole), 20);
        divisions.accept(Some(other), 9);
        divisions.accept(Some(other), 11);
        assert_eq!(divisions.limit(), Some(10), "one of 11 was accepted, so 10 stays");
    }

    #[test]
    fn a_batch_with_a_bad_document_teaches_nothing() {
        let mut divisions = Divisions::default();
        let whole = divisions.divide(None, 4);
        let half = divisions.divide(Some(whole), 2);
        divisions.accept(Some(whole), 2);
        divisions.accept(Some(half), 1);
        divisions.reject(Some(half));
        assert_eq!(divisions.limit(), None);
    }

    #[test]
    fn what_was_accepted_once_is_not_too_many() {
        let mut divisions = Divisions::default();
        divisions.accept(None, 5);
        let whole = divisions.divide(None, 4);
        divisions.accept(Some(whole), 2);
        divisions.accept(Some(whole), 2);
        assert_eq!(divisions.limit(), None);
    }
}
